import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ClassicLevel } from "classic-level";
import { findLogDamage } from "./log-file.js";
import { liveTables } from "./manifest.js";
import { isTable } from "./sound-files.js";
import { findTableDamage } from "./table-file.js";

let directory = "";
let table = new Uint8Array();
let log = new Uint8Array();

async function readOne(ending: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = (await readdir(directory)).find((name) => name.endsWith(ending));
  return Uint8Array.from(await readFile(join(directory, file ?? "")));
}

// What LevelDB writes: a table of several blocks, with an index that is compressed; and a log of several blocks.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-table-"));
  const put = async (db: ClassicLevel, count: number, size: number) => {
    for (let i = 0; i < count; i++)
      await db.put(`a rather long key, number ${i}`, `${i} `.padEnd(size, "value "));
  };
  await using first = new ClassicLevel(directory);
  await put(first, 40, 1000);
  await first.close();
  await using second = new ClassicLevel(directory);
  await put(second, 10, 7000);
  await second.close();
  [table, log] = [await readOne(".ldb"), await readOne(".log")];
});

afterAll(async () => await rm(directory, { recursive: true, force: true }));

test("what LevelDB has written is found sound", () => {
  expect(table.length).toBeGreaterThan(1000);
  expect(log.length).toBeGreaterThan(65_536);
  expect(findTableDamage(table)).toBeUndefined();
  expect(findLogDamage(log)).toBeUndefined();
  expect(findLogDamage(new Uint8Array())).toBeUndefined();
});

function flip<T>(bytes: Uint8Array, at: number, look: (changed: Uint8Array) => T): T {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
  try {
    return look(bytes);
  } finally {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
  }
}

test("a changed bit anywhere in a table is found, unless it is where the footer is padded", () => {
  const unseen = [];
  for (let at = 0; at < table.length; at++) {
    if (flip(table, at, findTableDamage) === undefined) unseen.push(table.length - at);
  }
  // The footer's last 8 bytes are its mark; the handles before take less than the 40 bytes that are theirs.
  expect(unseen.length).toBeLessThan(40);
  expect(Math.max(0, ...unseen)).toBeLessThan(48);
  expect(Math.min(48, ...unseen)).toBeGreaterThan(8);
});

test("a table that is cut off is found", () => {
  for (let length = 0; length < table.length; length++) {
    expect(findTableDamage(table.subarray(0, length))).toBeDefined();
  }
});

test("a changed bit in a log is found, unless it could be a torn last write", () => {
  const unseen = [];
  for (let at = 0; at < log.length; at += 3) {
    if (flip(log, at, findLogDamage) === undefined) unseen.push(at);
  }
  // The last write has 7,000 bytes. The length of a record before it, when changed, may hide the rest of its block.
  expect(unseen.filter((at) => at < log.length - 7200).length).toBeLessThan(30);
  for (let length = 0; length < log.length; length += 101) {
    expect(findLogDamage(log.subarray(0, length))).toBeUndefined();
    // A torn write may leave zeros.
    const torn = Uint8Array.from(log.subarray(0, length)).fill(0, Math.max(0, length - 3000));
    expect(findLogDamage(torn)).toBeUndefined();
  }
});

test("the manifest says which tables the database needs, and it needs no others", async () => {
  await using db = new ClassicLevel(directory);
  for (let round = 0; round < 8; round++) {
    await db.open();
    await db.put(`round ${round}`, "value");
    // So that tables are deleted as well.
    if (round === 6) await db.compactRange("", "~");
    await db.close();
    const live = await liveTables(directory);
    const tables = (await readdir(directory)).filter(isTable);
    expect(live.size).toBeGreaterThan(0);
    expect(tables.map((file) => parseInt(file, 10))).toEqual(expect.arrayContaining([...live]));
    // A compaction that closing has interrupted may have left one.
    for (const file of tables) if (!live.has(parseInt(file, 10))) await rm(join(directory, file));
  }
  await db.open();
  expect(await db.getMany(Array.from({ length: 8 }, (_, i) => `round ${i}`))).toEqual(Array(8).fill("value"));
  expect(await db.keys().all()).toHaveLength(48);
  expect(await liveTables(join(directory, "nowhere"))).toEqual(new Set());
});
