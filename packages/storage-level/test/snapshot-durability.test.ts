// Snapshots over restarts, and what failing and concurrent writes do to them.
import { expect, test } from "@jest/globals";
import type { Storage } from "@paxos/core";
import { classicLevelStorage, LevelStorage, StorageError } from "../src/index.js";
import { describeKey } from "../src/layout.js";
import { makeRun, makeSave, texts } from "./builders.js";
import { CrashingLevel } from "./crashing-level.js";
import { FaultyLevel } from "./faulty-level.js";
import {
  makeDraft,
  makeInstall,
  peerSnapshot,
  piecesOf,
  readChunks,
  receiveAll,
  withChecksums,
} from "./snapshots.js";
import { temporaryDirectories } from "./temporary-directory.js";

const makeDirectory = temporaryDirectories();

async function withStorage<T>(directory: string, use: (storage: Storage) => Promise<T>): Promise<T> {
  await using storage = classicLevelStorage({ directory });
  return await use(storage);
}

test("snapshots, the first seq and what is on its way in are there after reopening", async () => {
  const directory = await makeDirectory();
  const [own, peers] = [piecesOf("own", 3), piecesOf("peer", 4)];
  const incoming = peerSnapshot(300, 7n, peers);
  const written = await withStorage(directory, async (storage) => {
    await storage.load();
    await storage.save(makeSave(1, 100, [{ seq: 1, count: 100 }]));
    const older = await storage.writeSnapshot(makeDraft(50, own));
    const latest = await storage.writeSnapshot(makeDraft(80, own));
    await storage.compact(61, [older]);
    await receiveAll(storage, incoming, peers.slice(0, 2));
    return [older, latest];
  });
  await withStorage(directory, async (storage) => {
    const stored = await storage.load();
    expect(stored.snapshots).toEqual(written);
    expect(stored.firstSeq).toBe(61);
    expect(stored.incoming).toEqual({ snapshot: incoming, next: 2 });
    for (const snapshot of written)
      expect(await readChunks(storage, snapshot, 3)).toEqual(withChecksums(own));
    expect((await storage.read(61, 100, 10_000)).updates).toHaveLength(40);
    // It goes on where it was.
    const chunks = withChecksums(peers);
    for (const index of [2, 3])
      await storage.receiveChunk(incoming, index, chunks[index] ?? { data: new Uint8Array(), checksum: 0 });
    await storage.save(makeInstall(2, 300, incoming, [{ seq: 299, count: 4 }]));
  });
  await withStorage(directory, async (storage) => {
    const { snapshots, firstSeq, incoming: none, runs } = await storage.load();
    expect(snapshots).toEqual([...written, incoming]);
    expect({ firstSeq, none, runs: runs.length }).toEqual({ firstSeq: 301, none: undefined, runs: 1 });
    expect(await readChunks(storage, incoming, 4)).toEqual(withChecksums(peers));
    expect(await storage.compact(301, [])).toBe(301);
  });
  await withStorage(directory, async (storage) => {
    expect((await storage.load()).snapshots).toEqual([incoming]);
  });
});

async function openFaulty(): Promise<{ db: FaultyLevel; storage: LevelStorage }> {
  const db = new FaultyLevel();
  const storage = new LevelStorage({ name: "faulty", database: () => db });
  await storage.load();
  await storage.save(makeSave(1, 100, [{ seq: 1, count: 100 }]));
  return { db, storage };
}

const peer = peerSnapshot(300, 7n, piecesOf("peer", 1));

test.each([
  ["a snapshot", (storage: Storage) => storage.writeSnapshot(makeDraft(50, piecesOf("own", 2)))],
  ["a chunk", (storage: Storage) => receiveAll(storage, peer, piecesOf("peer", 1))],
  ["a compaction", (storage: Storage) => storage.compact(1, [])],
])("after a failed write of %s every save and write fails with the same error", async (_, write) => {
  const { db, storage } = await openFaulty();
  await storage.writeSnapshot(makeDraft(20, piecesOf("early", 1)));
  await storage.writeSnapshot(makeDraft(30, piecesOf("late", 1)));
  db.failure = new Error("no space left on device");
  const failure: unknown = await write(storage).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StorageError);
  db.failure = undefined;
  const { length } = db.batches;
  await expect(storage.save(makeSave(2, 100, []))).rejects.toBe(failure);
  await expect(storage.writeSnapshot(makeDraft(60, piecesOf("own", 2)))).rejects.toBe(failure);
  await expect(receiveAll(storage, peer, piecesOf("peer", 1))).rejects.toBe(failure);
  await expect(storage.compact(1, [])).rejects.toBe(failure);
  expect(db.batches).toHaveLength(length);
  // What was durable before is still served.
  expect((await storage.read(1, 100, 10_000)).updates).toHaveLength(100);
  await storage.close();
});

test.each(["before", "after"])(
  "an installation that begins %s a compaction leaves the higher first seq",
  async (when) => {
    const level = new CrashingLevel();
    const storage = new LevelStorage({ name: "crashing", database: () => level });
    await storage.load();
    await storage.save(makeSave(1, 100, [{ seq: 1, count: 100 }]));
    await storage.writeSnapshot(makeDraft(90, piecesOf("own", 1)));
    await receiveAll(storage, peer, piecesOf("peer", 1));
    const { length } = level.batches;
    const work = [() => storage.save(makeInstall(2, 300, peer)), () => storage.compact(91, [])];
    await Promise.all((when === "before" ? work : work.reverse()).map((begin) => begin()));
    await storage.save(makeSave(3, 300, []));
    expect(await storage.read(100, 100, 1)).toMatchObject({ firstSeq: 301 });
    for (let count = length; count <= level.batches.length; count++) {
      const after = new LevelStorage({ name: "crashed", database: () => level.after(count) });
      const { firstSeq = 1, state } = await after.load();
      const saves = Number(state?.saveNumber);
      expect(saves > 1 ? [301] : [1, 91]).toContain(firstSeq);
      await after.close();
    }
  },
);

test("a read that a compaction overtakes gives nothing, and never what did not count", async () => {
  const level = new CrashingLevel();
  const storage = new LevelStorage({ name: "crashing", database: () => level });
  await storage.load();
  // Of seqs 5 to 12 the second one counts; it is dropped, and the first one stays for what it has above.
  await storage.save(
    makeSave(1, 60, [
      { seq: 1, count: 60, view: 1 },
      { seq: 5, count: 8, view: 2 },
    ]),
  );
  await storage.writeSnapshot(makeDraft(55, piecesOf("own", 1)));
  // Once it knows where to begin, and before it reads, the log is compacted.
  const keys = level.keys.bind(level);
  level.keys = ((options: object) => {
    level.keys = keys;
    const iterator = keys(options);
    const nextv = iterator.nextv.bind(iterator);
    iterator.nextv = async (size: number) => {
      const found = await nextv(size);
      await storage.compact(50, []);
      return found;
    };
    return iterator;
  }) as typeof level.keys;
  expect(await storage.read(10, 12, 1000)).toEqual({ seq: 10, updates: [], firstSeq: 50 });
});

test("runs across the first seq stay, those below it go, and so do the records of their saves", async () => {
  const level = new CrashingLevel();
  const storage = new LevelStorage({ name: "crashing", database: () => level });
  await storage.load();
  for (let i = 0; i < 20; i++)
    await storage.save(makeSave(i + 1, i * 10 + 10, [{ seq: i * 10 + 1, count: 10 }]));
  await storage.writeSnapshot(makeDraft(150, piecesOf("own", 1)));
  await storage.compact(126, []);
  const keys = (
    await level.keys({ gte: new TextEncoder().encode("run/"), lt: new TextEncoder().encode("save0") }).all()
  ).map((key) => new TextDecoder("latin1").decode(key).slice(0, 5));
  expect(keys.filter((key) => key.startsWith("run/"))).toHaveLength(8);
  expect(keys.filter((key) => key === "save/")).toHaveLength(8);
  expect(texts((await storage.read(126, 131, 1000)).updates)).toEqual(
    [126, 127, 128, 129, 130, 131].map((seq) => `${seq}@0.0`),
  );
});

async function chunksIn(level: CrashingLevel): Promise<string[]> {
  const range = { gte: new TextEncoder().encode("chunk/"), lt: new TextEncoder().encode("chunk0") };
  return (await level.keys(range).all()).map((key) => describeKey(key).replace(/origin \w+ /, ""));
}

test("chunks of a snapshot that gives way to another are gone at once", async () => {
  const level = new CrashingLevel();
  const storage = new LevelStorage({ name: "crashing", database: () => level });
  await storage.load();
  await receiveAll(storage, peerSnapshot(300, 7n, piecesOf("peer", 3)), piecesOf("peer", 2));
  expect(await chunksIn(level)).toEqual(["chunk/ seq 300 index 0", "chunk/ seq 300 index 1"]);
  await receiveAll(storage, peerSnapshot(400, 7n, piecesOf("other", 3)), piecesOf("other", 1));
  expect(await chunksIn(level)).toEqual(["chunk/ seq 400 index 0"]);
});

test("what a crash leaves of a snapshot that was being written is gone once the store is loaded", async () => {
  const level = new CrashingLevel();
  const storage = new LevelStorage({ name: "crashing", database: () => level });
  await storage.load();
  await storage.save(makeSave(1, 100, [{ seq: 1, count: 100 }]));
  const written = level.batches.length;
  await storage.writeSnapshot(makeDraft(50, piecesOf("own", 3)));
  const crashed = await level.after(written + 2);
  expect(await chunksIn(crashed)).toEqual(["chunk/ seq 50 index 0", "chunk/ seq 50 index 1"]);
  await new LevelStorage({ name: "crashed", database: () => crashed }).load();
  expect(await chunksIn(crashed)).toEqual([]);
});

test("runs are loaded in the order in which they were saved; one that was saved twice counts as the later one", async () => {
  const level = new CrashingLevel();
  const storage = new LevelStorage({ name: "crashing", database: () => level });
  await storage.load();
  const [a, b, c] = [
    { seq: 5, count: 2 },
    { seq: 1, count: 4 },
    { seq: 3, count: 1, view: 2 },
  ] as const;
  await storage.save(makeSave(1, 0, [a, b]));
  await storage.save(makeSave(2, 0, [c, a]));
  const copy = await level.after(level.batches.length);
  const { runs } = await new LevelStorage({ name: "again", database: () => copy }).load();
  expect(runs).toEqual([b, c, a].map(makeRun));
});
