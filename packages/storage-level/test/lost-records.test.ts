// What was saved and is missing, or is there and was not saved, is found when the store is loaded, or when it is read.
import { beforeEach, expect, test } from "@jest/globals";
import { CrashingLevel } from "./crashing-level.js";
import { LevelStorage, StorageError } from "../src/index.js";
import {
  CHAIN_KEY,
  chunkKey,
  describeKey,
  FIRST_SEQ_KEY,
  INCOMING_KEY,
  runKey,
  saveKey,
  snapshotKey,
  STATE_KEY,
} from "../src/layout.js";
import { seal } from "../src/seal.js";
import { makeSave, texts } from "./builders.js";
import { makeDraft, peerSnapshot, piecesOf, readChunks, receiveAll } from "./snapshots.js";

const accepted = { ordered: false, epoch: 0n, view: 1n };
let level = new CrashingLevel();
let storeId = 0n;
const incoming = peerSnapshot(300, 7n, piecesOf("peer", 3));

/** Saves 1 to 8 up to seq 84, of which 4 to 8 are on record; a snapshot of seq 40, and the log from 35 on. */
beforeEach(async () => {
  level = new CrashingLevel();
  const kept = level;
  const storage = new LevelStorage({ name: "/data", database: () => kept });
  ({ storeId } = await storage.load());
  for (let i = 0; i < 6; i++) {
    await storage.save(makeSave(i + 1, i * 10 + 5, [{ seq: i * 10 + 1, count: 10, view: 1 }]));
  }
  await storage.writeSnapshot(makeDraft(40, piecesOf("own", 2)));
  await storage.compact(35, []);
  // Of another leader, which had not heard of the last two.
  await storage.save(makeSave(7, 70, [{ seq: 57, count: 14, view: 2 }]));
  await receiveAll(storage, incoming, piecesOf("peer", 2));
  await storage.save(makeSave(8, 82, [{ seq: 71, count: 14, view: 2 }]));
});

async function open(): Promise<LevelStorage> {
  const copy = await level.after(level.batches.length);
  return new LevelStorage({ name: "/data", database: () => copy });
}

/** Everything that can be read. */
async function readAll(): Promise<unknown> {
  await using storage = await open();
  const stored = await storage.load();
  const firstSeq = stored.firstSeq ?? 1;
  const { updates } = await storage.read(firstSeq, Number(stored.state?.localAru ?? 0n), 1_000_000);
  const chunks = [];
  for (const snapshot of stored.snapshots ?? [])
    chunks.push(await readChunks(storage, snapshot, snapshot.chunks));
  const { incoming: _incoming, ...rest } = stored;
  return { ...rest, updates: texts(updates), chunks };
}

test.each([
  ["the state", STATE_KEY, /the record state is damaged/],
  ["the first seq", FIRST_SEQ_KEY, /the log is said to begin at seq 1, and was dropped below seq 35/],
  ["the base of the chain", CHAIN_KEY, /the records of saves 1 to 3 are missing, though 8 were made/],
  ["the first save on record", saveKey(4), /the record of save 4 is missing/],
  ["a save", saveKey(6), /the record of save 6 is missing/],
  ["the last save", saveKey(8), /the record of save 8 is missing/],
  [
    "a run above the ARU",
    runKey({ seq: 71, count: 14, ...accepted, view: 2n }),
    /which save 8 has written, is missing/,
  ],
  [
    "a run that counts",
    runKey({ seq: 57, count: 14, ...accepted, view: 2n }),
    /which save 7 has written, is missing/,
  ],
  [
    "a run that does not",
    runKey({ seq: 51, count: 10, ...accepted }),
    /which save 6 has written, is missing/,
  ],
  [
    "the beginning of the log",
    runKey({ seq: 31, count: 10, ...accepted }),
    /no record holds seq 35, where the log begins/,
  ],
])("the loss of %s is found when loading", async (_, key, message) => {
  expect(await level.get(key)).toBeDefined();
  await level.batch([{ type: "del", key }]);
  const loaded = (await open()).load();
  await expect(loaded).rejects.toThrow(StorageError);
  await expect(loaded).rejects.toThrow(message);
  await expect(loaded).rejects.toThrow(/replace this member/);
});

test("the loss of the snapshot, or of a chunk, is found when loading", async () => {
  const id = { seq: 40n, origin: storeId };
  await level.batch([{ type: "del", key: chunkKey(id, 1) }]);
  await expect((await open()).load()).rejects.toThrow(
    /chunks of the latest snapshot, seq 40 origin .*, are missing/,
  );
  await level.batch([{ type: "del", key: snapshotKey(id) }]);
  await expect((await open()).load()).rejects.toThrow(/the log begins at seq 35, and no snapshot reaches it/);
});

test("what is lost of a snapshot on its way in is received again", async () => {
  for (const key of [chunkKey(incoming, 1), INCOMING_KEY]) {
    await level.batch([{ type: "del", key }]);
    expect(await (await open()).load()).not.toHaveProperty("incoming");
  }
});

test("after the loss of any record, there is an error, or all that is to be read", async () => {
  const expected = await readAll();
  const keys = await level.keys().all();
  expect(keys.length).toBeGreaterThan(20);
  const silent: string[] = [];
  const answers = new Set([expected]);
  for (const key of keys) {
    const value = await level.get(key);
    await level.batch([{ type: "del", key }]);
    const read: unknown = await readAll().catch((error: unknown) => error);
    if (!(read instanceof StorageError)) {
      answers.add(read);
      silent.push(describeKey(key).replace(/seq.*origin/, "seq"));
    }
    await level.batch([{ type: "put", key, value: value ?? new Uint8Array() }]);
  }
  for (const answer of answers) expect(answer).toEqual(expected);
  expect(silent).toEqual(["chunk/ seq 7 index 0", "chunk/ seq 7 index 1", "incoming"]);
});

test.each([
  [
    "of a save that the state does not know",
    saveKey(9),
    /there is a record of save 9, and the state is that of save 8/,
  ],
  ["among the saves that is none", new TextEncoder().encode("save/odd"), /the record save\/odd is damaged/],
])("a record %s is found", async (_, key, message) => {
  const value = seal(key, new Uint8Array(37));
  await level.batch([{ type: "put", key, value }]);
  await expect((await open()).load()).rejects.toThrow(message);
});

test("a save that is not the one that was made is found", async () => {
  const kept = level;
  const before = await level.get(saveKey(6));
  // The same saves, one of them with another run.
  level = new CrashingLevel();
  const other = level;
  const storage = new LevelStorage({ name: "/data", database: () => other });
  await storage.load();
  for (let i = 0; i < 6; i++)
    await storage.save(makeSave(i + 1, 0, [{ seq: i * 10 + 1, count: 9, view: 1 }]));
  const value = await level.get(saveKey(6));
  expect(value).not.toEqual(before);
  level = kept;
  await level.batch([{ type: "put", key: saveKey(6), value: value ?? new Uint8Array() }]);
  await expect((await open()).load()).rejects.toThrow(/save 6 does not follow on the save before it/);
});

test("an older state is found", async () => {
  const old = await (await level.after(4)).get(STATE_KEY);
  await level.batch([{ type: "put", key: STATE_KEY, value: old ?? new Uint8Array() }]);
  await expect((await open()).load()).rejects.toThrow(StorageError);
});

test("a run above the ARU that no save has written is found", async () => {
  const run = runKey({ seq: 80, count: 9, ...accepted, view: 2n });
  const kept = level;
  level = new CrashingLevel();
  const other = level;
  const storage = new LevelStorage({ name: "/data", database: () => other });
  await storage.load();
  await storage.save(makeSave(1, 0, [{ seq: 80, count: 9, view: 2 }]));
  const value = await level.get(run);
  level = kept;
  await level.batch([{ type: "put", key: run, value: value ?? new Uint8Array() }]);
  await expect((await open()).load()).rejects.toThrow(
    /run\/ seq 80 .* is not the one that a save has written/,
  );
});
