import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { ConfigError, InvariantError, type ChunkData } from "@paxos/core";
import { PersistentStateSchema } from "@paxos/proto";
import {
  classicLevelStorage,
  createStorageFromSnapshot,
  inspectStorage,
  LevelStorage,
  StorageError,
} from "../src/index.js";
import { makeSave, texts } from "./builders.js";
import { CrashingLevel } from "./crashing-level.js";
import { peerSnapshot, piecesOf, readChunks, withChecksums } from "./snapshots.js";
import { temporaryDirectories } from "./temporary-directory.js";

const makeDirectory = temporaryDirectories();
const pieces = piecesOf("backup", 3);
const snapshot = peerSnapshot(70, 5n, pieces);
const { state } = makeSave(1, 70, []);

async function* given(chunks: readonly ChunkData[]): AsyncGenerator<ChunkData> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

const content = { state, snapshot };
const whole = () => ({ ...content, chunks: given(withChecksums(pieces)) });

test("a store that was made of a snapshot begins behind it", async () => {
  const directory = join(await makeDirectory(), "a", "b");
  const storeId = await createStorageFromSnapshot({ directory, ...whole() });
  await using storage = classicLevelStorage({ directory });
  expect(await storage.load()).toEqual({ storeId, state, runs: [], snapshots: [snapshot], firstSeq: 71 });
  expect(await readChunks(storage, snapshot, 3)).toEqual(withChecksums(pieces));
  await storage.save(makeSave(2, 75, [{ seq: 71, count: 5 }]));
  expect(texts((await storage.read(71, 72, 1000)).updates)).toEqual(["71@0.0", "72@0.0"]);
  await storage.close();
  expect((await inspectStorage({ directory })).problems).toEqual([]);
});

test("two stores of one snapshot have ids of their own", async () => {
  const directory = await makeDirectory();
  const ids = [];
  for (const name of ["a", "b"]) {
    ids.push(await createStorageFromSnapshot({ directory: join(directory, name), ...whole() }));
  }
  expect(ids[0]).not.toBe(ids[1]);
});

test("a place that is not empty is refused, and left as it is", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "notes.txt"), "");
  const refusal = createStorageFromSnapshot({ directory, ...whole() });
  await expect(refusal).rejects.toThrow(ConfigError);
  await expect(refusal).rejects.toThrow(
    `${directory} is not empty. A new store needs a directory of its own.`,
  );
  expect(await readdir(directory)).toEqual(["notes.txt"]);
  const file = join(directory, "notes.txt");
  await expect(createStorageFromSnapshot({ directory: file, ...whole() })).rejects.toThrow(
    /is not a directory/,
  );

  const level = new CrashingLevel();
  await level.open();
  await level.batch([{ type: "put", key: Uint8Array.of(1), value: Uint8Array.of(1) }]);
  await expect(
    createStorageFromSnapshot({ name: "memory", database: () => level, ...whole() }),
  ).rejects.toThrow("memory is not empty");
});

const [first, second, third] = withChecksums(pieces) as [ChunkData, ChunkData, ChunkData];

test.each<[string, readonly ChunkData[], RegExp]>([
  ["no chunks", [], /ends after 0 of 3 chunks/],
  ["too few chunks", [first, second], /ends after 2 of 3 chunks/],
  [
    "too many",
    [first, second, third, third],
    /chunk 3 of the snapshot seq 70 origin 5 is not what was expected/,
  ],
  ["another order", [first, third, second], /chunk 1 .* is not what was expected/],
  ["a damaged one", [first, { ...second, data: first.data }, third], /chunk 1 .* is not what was expected/],
])("%s leave nothing behind", async (_, chunks, message) => {
  const above = await makeDirectory();
  await mkdir(join(above, "empty"));
  for (const directory of [join(above, "new", "store"), join(above, "empty")]) {
    const refusal = createStorageFromSnapshot({ directory, ...content, chunks: given(chunks) });
    await expect(refusal).rejects.toThrow(StorageError);
    await expect(refusal).rejects.toThrow(message);
  }
  expect(await readdir(above)).toEqual(["empty"]);
  expect(await readdir(join(above, "empty"))).toEqual([]);
});

test("chunks that do not add up to what the snapshot says are refused", async () => {
  const directory = join(await makeDirectory(), "store");
  const other = { ...snapshot, checksum: snapshot.checksum ^ 1 };
  await expect(createStorageFromSnapshot({ directory, ...whole(), snapshot: other })).rejects.toThrow(
    StorageError,
  );
  await expect(stat(directory)).rejects.toThrow(/ENOENT/);
});

test("what the chunks throw is thrown, and nothing is left", async () => {
  const directory = join(await makeDirectory(), "store");
  const broken = new Error("the connection is lost");
  async function* breaking(): AsyncGenerator<ChunkData> {
    yield first;
    throw broken;
  }
  await expect(createStorageFromSnapshot({ directory, ...content, chunks: breaking() })).rejects.toBe(broken);
  await expect(stat(directory)).rejects.toThrow(/ENOENT/);
});

test.each([
  ["another save", create(PersistentStateSchema, { ...state, saveNumber: 2n })],
  ["an ARU that is not at the snapshot", create(PersistentStateSchema, { ...state, localAru: 71n })],
])("a state of %s breaks the contract", async (_, wrong) => {
  const directory = join(await makeDirectory(), "store");
  await expect(createStorageFromSnapshot({ directory, ...whole(), state: wrong })).rejects.toThrow(
    InvariantError,
  );
  await expect(stat(directory)).rejects.toThrow(/ENOENT/);
});

test("a crash before its end leaves what is refused; at its end, a store", async () => {
  const level = new CrashingLevel();
  await createStorageFromSnapshot({ name: "memory", database: () => level, ...whole() });
  const load = async (batches: number): Promise<unknown> => {
    const copy = await level.after(batches);
    await using storage = new LevelStorage({ name: "memory", database: () => copy });
    return await storage.load();
  };
  expect(level.batches).toHaveLength(4);
  for (const batches of [1, 2, 3]) {
    await expect(load(batches)).rejects.toThrow(ConfigError);
    await expect(load(batches)).rejects.toThrow(/has not been made in full. Use an empty directory/);
  }
  expect(await load(4)).toMatchObject({ firstSeq: 71 });
});
