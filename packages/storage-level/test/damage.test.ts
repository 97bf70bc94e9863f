// What was not written by this version, or has changed since, is refused and never read as data.
import { expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";
import { MemoryLevel } from "memory-level";
import { ascii, FORMAT_KEY, runKey, STATE_KEY, STORE_ID_KEY } from "../src/layout.js";
import { LevelStorage, StorageError } from "../src/index.js";
import { seal } from "../src/seal.js";
import { makeSave } from "./builders.js";

type Level = MemoryLevel<Uint8Array, Uint8Array>;

const RUN_KEY = runKey({ seq: 1, count: 3, ordered: false, epoch: 0n, view: 0n });

/** Storage over the records of `db`, which outlives it. */
async function openOver(db: Level): Promise<LevelStorage> {
  const copy: Level = new MemoryLevel({ keyEncoding: "view", valueEncoding: "view" });
  for await (const [key, value] of db.iterator()) await copy.put(key, value);
  return new LevelStorage({ name: "/data", database: () => copy });
}

async function load(db: Level): Promise<unknown> {
  await using storage = await openOver(db);
  return await storage.load();
}

/** A database with a save of seqs 1 to 3, ordered up to `localAru`. */
async function makeDatabase(localAru: number): Promise<Level> {
  const db: Level = new MemoryLevel({ keyEncoding: "view", valueEncoding: "view" });
  const close = db.close.bind(db);
  db.close = () => Promise.resolve();
  const storage = new LevelStorage({ name: "/data", database: () => db });
  await storage.load();
  await storage.save(makeSave(1, localAru, [{ seq: 1, count: 3 }]));
  await storage.close();
  db.close = close;
  return db;
}

test.each(["1", "7"])("format %s is refused with what was found and what to do", async (version) => {
  const db = await makeDatabase(3);
  await db.put(FORMAT_KEY, ascii(version));
  await expect(load(db)).rejects.toThrow(ConfigError);
  await expect(load(db)).rejects.toThrow(
    new RegExp(`has format ${version}, this version reads format 2 only\\. Run the version that wrote it`),
  );
});

test.each([
  ["the format", FORMAT_KEY, "meta/format"],
  ["the store id", STORE_ID_KEY, "meta/store-id"],
  ["the state", STATE_KEY, "state"],
  ["a run", RUN_KEY, "run/ seq 1 epoch 0 view 0 accepted count 3"],
])("any changed bit in %s is found", async (_, key, described) => {
  const db = await makeDatabase(0);
  const value = await db.get(key);
  for (let bit = 0; bit < (value?.length ?? 0) * 8; bit++) {
    const changed = Uint8Array.from(value ?? []);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    // A changed digit of the format is a digit still: then it is another version.
    const isDigit = key === FORMAT_KEY && /^\d$/.test(new TextDecoder().decode(changed));
    await db.put(key, changed);
    await expect(load(db)).rejects.toThrow(
      isDigit ? /has format/ : `/data: the record ${described} is damaged`,
    );
  }
});

test.each([
  ["an empty value", new Uint8Array()],
  ["sealed rubbish", seal(RUN_KEY, new Uint8Array([0xff, 0xff]))],
  ["a sealed empty message", seal(RUN_KEY, new Uint8Array())],
])("a run that is %s is found when read", async (_, value) => {
  const db = await makeDatabase(3);
  await db.put(RUN_KEY, value);
  await using storage = await openOver(db);
  await storage.load();
  await expect(storage.read(1, 3, 100)).rejects.toThrow(StorageError);
  await expect(storage.read(1, 3, 100)).rejects.toThrow(/run\/ seq 1 .* is damaged/);
});

test("a record under another's key is found", async () => {
  const db = await makeDatabase(0);
  const value = await db.get(RUN_KEY);
  await db.put(runKey({ seq: 2, count: 3, ordered: false, epoch: 0n, view: 0n }), value ?? new Uint8Array());
  await expect(load(db)).rejects.toThrow(/run\/ seq 2 .* is damaged/);
});

test("a key among the runs that is none is found", async () => {
  const db = await makeDatabase(0);
  await db.put(ascii("run/~odd"), new Uint8Array());
  await expect(load(db)).rejects.toThrow(/the record run\/~odd is damaged/);
});

test.each([
  ["the store id", STORE_ID_KEY, "meta/store-id"],
  ["the state", STATE_KEY, "state"],
])("the loss of %s is found", async (_, key, described) => {
  const db = await makeDatabase(3);
  await db.del(key);
  await expect(load(db)).rejects.toThrow(`/data: the record ${described} is damaged`);
});
