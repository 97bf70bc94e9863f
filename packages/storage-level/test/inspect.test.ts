import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";
import { MemoryLevel } from "memory-level";
import { classicLevelStorage, inspectStorage, LevelStorage, StorageError } from "../src/index.js";
import { describeKey, lowestRunKey, RUNS_END, STORE_ID_KEY } from "../src/layout.js";
import { makeSave } from "./builders.js";
import { CrashingLevel } from "./crashing-level.js";
import { epochRecord, makeDraft, makeInstall, peerSnapshot, piecesOf, receiveAll } from "./snapshots.js";
import { temporaryDirectories } from "./temporary-directory.js";

const makeDirectory = temporaryDirectories();
const installed = peerSnapshot(60, 5n, piecesOf("installed", 2));
const incoming = peerSnapshot(300, 7n, piecesOf("peer", 4));

/** A store with a bit of everything. */
async function fill(storage: LevelStorage): Promise<bigint> {
  const { storeId } = await storage.load();
  await storage.save(makeSave(1, 8, [{ seq: 1, count: 10, view: 1 }]));
  await receiveAll(storage, installed, piecesOf("installed", 2));
  await storage.save(makeInstall(2, 60, installed, [{ seq: 58, count: 10, view: 2 }]));
  await storage.save(makeSave(3, 75, [{ seq: 66, count: 15, view: 3 }]));
  await storage.writeSnapshot(makeDraft(70, piecesOf("own", 3)));
  await storage.compact(64, [installed]);
  await storage.save(makeSave(4, 79, [{ seq: 81, count: 2, view: 3 }]));
  await receiveAll(storage, incoming, piecesOf("peer", 2));
  return storeId;
}

async function makeLevel(): Promise<{ level: CrashingLevel; storeId: bigint }> {
  const level = new CrashingLevel();
  const storeId = await fill(new LevelStorage({ name: "/data", database: () => level }));
  return { level, storeId };
}

async function inspect(level: CrashingLevel): ReturnType<typeof inspectStorage> {
  const copy = await level.after(level.batches.length);
  return await inspectStorage({ name: "/data", database: () => copy });
}

test("says all that is in a store", async () => {
  const directory = await makeDirectory();
  const storage = classicLevelStorage({ directory });
  const storeId = await fill(storage);
  await storage.close();
  const { log, ...report } = await inspectStorage({ directory });
  expect(report).toEqual({
    name: directory,
    format: 2,
    storeId,
    state: {
      nodeId: 1n,
      saveNumber: 4,
      promisedView: 14n,
      localAru: 79,
      epochRecord,
      peerStores: makeSave(4, 79, []).state.peerStores,
    },
    firstSeq: 64,
    accepted: { runs: 2, lastSeq: 82 },
    snapshots: [
      { seq: 60, origin: 5n, chunks: 2, bytes: 80, isWhole: true },
      { seq: 70, origin: storeId, chunks: 3, bytes: 120, isWhole: true },
    ],
    incoming: { seq: 300, origin: 7n, chunks: 4, next: 2 },
    saves: { first: 2, count: 3 },
    leftovers: 0,
    problems: [],
    problemCount: 0,
  });
  expect(log).toMatchObject({ updates: 16, runs: 2 });
  expect(log.bytes).toBeGreaterThan(25 * 6);
  // It is as good as it was.
  await using again = classicLevelStorage({ directory });
  expect((await again.load()).state?.saveNumber).toBe(4n);
  await expect(inspectStorage({ directory })).rejects.toThrow(/is in use already/);
});

test("a new store has nothing in it", async () => {
  const directory = await makeDirectory();
  await using storage = classicLevelStorage({ directory });
  const { storeId } = await storage.load();
  await storage.close();
  const report = await inspectStorage({ directory });
  expect(report).toMatchObject({
    storeId,
    firstSeq: 1,
    log: { updates: 0 },
    problems: [],
    saves: { count: 0 },
  });
  expect(report.state).toBeUndefined();
});

test("where there is no store, it says so and makes nothing", async () => {
  const above = await makeDirectory();
  await mkdir(join(above, "empty"));
  await mkdir(join(above, "other"));
  await writeFile(join(above, "other", "notes.txt"), "");
  for (const name of ["missing", "empty", "other"]) {
    const refusal = inspectStorage({ directory: join(above, name) });
    await expect(refusal).rejects.toThrow(ConfigError);
    await expect(refusal).rejects.toThrow(`there is no storage in ${join(above, name)}`);
  }
  expect(await readdir(above)).toEqual(["empty", "other"]);
  expect(await readdir(join(above, "empty"))).toEqual([]);
  const database = () =>
    new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: "view", valueEncoding: "view" });
  await expect(inspectStorage({ name: "memory", database })).rejects.toThrow("there is no storage in memory");
});

test("any changed bit of any record is a problem", async () => {
  const { level } = await makeLevel();
  const unseen = [];
  for (const [key, value] of await level.iterator().all()) {
    for (const at of [0, value.length >> 1, value.length - 1]) {
      const changed = Uint8Array.from(value);
      changed[at] = (changed[at] ?? 0) ^ 4;
      await level.batch([{ type: "put", key, value: changed }]);
      // Of the format a digit is left, which is refused.
      const problems = await inspect(level).then(
        (report) => report.problems,
        (error: unknown) => [String(error)],
      );
      if (!problems.some((problem) => /damaged|has format 6/.test(problem))) unseen.push(describeKey(key));
    }
    await level.batch([{ type: "put", key, value }]);
  }
  expect(unseen).toEqual([]);
});

test("the loss of any record is a problem", async () => {
  const { level } = await makeLevel();
  const unseen = [];
  for (const [key, value] of await level.iterator().all()) {
    await level.batch([{ type: "del", key }]);
    const problems = await inspect(level).then(
      (report) => report.problemCount,
      () => 1,
    );
    if (problems === 0) unseen.push(describeKey(key));
    await level.batch([{ type: "put", key, value }]);
  }
  // Their chunks are leftovers then, as they are when a snapshot on its way in is dropped, or one that is not the latest.
  expect(unseen).toEqual(["incoming", "snapshot/ seq 60 origin 5"]);
});

test("all problems are listed, up to a hundred, and all are counted", async () => {
  const { level, storeId } = await makeLevel();
  const runs = await level.keys({ gte: lowestRunKey(1), lt: RUNS_END }).all();
  for (const key of [...runs, STORE_ID_KEY])
    await level.batch([{ type: "put", key, value: new Uint8Array(9) }]);
  await level.batch([{ type: "put", key: new TextEncoder().encode("other"), value: new Uint8Array() }]);
  const few = await inspect(level);
  expect(few.problemCount).toBe(runs.length + 2);
  expect(few.problems.filter((problem) => /the record run\/ seq .* is damaged/.test(problem))).toHaveLength(
    runs.length,
  );
  expect(few.problems).toContainEqual(expect.stringMatching(/the record other is damaged/));
  expect(few.storeId).toBeUndefined();
  expect(few.snapshots).toContainEqual({ seq: 70, origin: storeId, chunks: 3, bytes: 120, isWhole: true });
  for (let i = 0; i < 200; i++) {
    await level.batch([{ type: "put", key: lowestRunKey(100 + i), value: new Uint8Array() }]);
  }
  const many = await inspect(level);
  expect(many.problems).toHaveLength(100);
  expect(many.problemCount).toBe(runs.length + 2 + 200);
});

test("a hole in the log is a problem that names it", async () => {
  const { level } = await makeLevel();
  const [first] = await level.keys({ gte: lowestRunKey(1), lt: RUNS_END }).all();
  await level.batch([{ type: "del", key: first ?? new Uint8Array() }]);
  const { problems, log } = await inspect(level);
  expect(problems).toContainEqual(expect.stringMatching(/no record holds seqs 64 to 65/));
  expect(log.updates).toBe(14);
});

test("a damaged table is an error that names it", async () => {
  const directory = await makeDirectory();
  for (let i = 0; i < 2; i++) {
    await using storage = classicLevelStorage({ directory });
    await storage.load();
    if (i === 0) await storage.save(makeSave(1, 1, [{ seq: 1, count: 1 }]));
  }
  const table = (await readdir(directory)).find((file) => file.endsWith(".ldb")) ?? "";
  await writeFile(join(directory, table), "nothing");
  await expect(inspectStorage({ directory })).rejects.toThrow(StorageError);
  await expect(inspectStorage({ directory })).rejects.toThrow(
    `${join(directory, table)} is damaged: it has no end`,
  );
});
