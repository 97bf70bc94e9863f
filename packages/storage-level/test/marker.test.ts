// A directory that has lost files is told from a new one.
import { cp, mkdir, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";
import { ClassicLevel } from "classic-level";
import { classicLevelStorage, StorageError } from "../src/index.js";
import { makeSave } from "./builders.js";
import { temporaryDirectories } from "./temporary-directory.js";

const makeDirectory = temporaryDirectories();

async function load(directory: string): Promise<{ storeId: bigint; saves: bigint }> {
  await using storage = classicLevelStorage({ directory });
  const { storeId, state } = await storage.load();
  return { storeId, saves: state?.saveNumber ?? 0n };
}

/** A store with two saves, one of them in a table. */
async function makeStore(): Promise<{ directory: string; storeId: bigint }> {
  const directory = join(await makeDirectory(), "store");
  for (const number of [1, 2]) {
    await using storage = classicLevelStorage({ directory });
    await storage.load();
    await storage.save(makeSave(number, number, [{ seq: number, count: 1 }]));
  }
  return { directory, storeId: (await load(directory)).storeId };
}

test("the marker names format and store", async () => {
  const { directory, storeId } = await makeStore();
  const text = await readFile(join(directory, "PAXOS"), "utf8");
  expect(text).toBe(
    `Storage of a Paxos node. Do not remove.\nformat 2\nstore ${storeId.toString(16).padStart(16, "0")}\n`,
  );
});

test.each([
  ["CURRENT", /the file CURRENT is missing, though there is PAXOS/],
  ["the log", /the log of the database is missing, though there is PAXOS/],
  ["the manifest", /cannot be opened/],
  ["the table", /cannot be opened: .*missing files/],
  ["all but the marker", /the file CURRENT is missing, though there is PAXOS/],
])("%s missing is damage", async (what, message) => {
  const { directory } = await makeStore();
  const patterns: Record<string, RegExp> = {
    CURRENT: /^CURRENT$/,
    "the log": /[.]log$/,
    "the manifest": /^MANIFEST/,
    "the table": /[.]ldb$/,
    "all but the marker": /^(?!PAXOS)/,
  };
  for (const file of await readdir(directory)) {
    if (patterns[what]?.test(file) === true) await unlink(join(directory, file));
  }
  const before = await readdir(directory);
  await expect(load(directory)).rejects.toThrow(StorageError);
  await expect(load(directory)).rejects.toThrow(message);
  // Nothing was begun anew, and what is left stays to be looked at.
  const after = await readdir(directory);
  expect(after.filter((file) => /ldb|MANIFEST|PAXOS/.test(file))).toEqual(
    before.filter((file) => /ldb|MANIFEST|PAXOS/.test(file)),
  );
});

test("a database that has lost all records is not begun anew", async () => {
  const { directory, storeId } = await makeStore();
  const marker = await readFile(join(directory, "PAXOS"));
  await rm(directory, { recursive: true });
  await using empty = new ClassicLevel(directory);
  await empty.open();
  await empty.close();
  await writeFile(join(directory, "PAXOS"), marker);
  await expect(load(directory)).rejects.toThrow(
    new RegExp(
      `there is no record at all, though store ${storeId.toString(16)} was made here: replace this member`,
    ),
  );
});

test("files of two stores are not mixed", async () => {
  const [one, other] = [await makeStore(), await makeStore()];
  await cp(join(one.directory, "PAXOS"), join(other.directory, "PAXOS"));
  await expect(load(other.directory)).rejects.toThrow(
    /its marker is that of store .* Files of two stores are mixed up/,
  );
});

test("a marker of another format is refused with what to do, a damaged one as damage", async () => {
  const { directory } = await makeStore();
  const path = join(directory, "PAXOS");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace("format 2", "format 3"));
  await expect(load(directory)).rejects.toThrow(ConfigError);
  await expect(load(directory)).rejects.toThrow(
    /PAXOS says format 3, this version reads format 2 only. Run the version/,
  );
  await writeFile(path, text.slice(0, -3));
  await expect(load(directory)).rejects.toThrow(StorageError);
});

test("a store without a marker gets it again: its making was interrupted", async () => {
  const { directory, storeId } = await makeStore();
  await unlink(join(directory, "PAXOS"));
  expect(await load(directory)).toEqual({ storeId, saves: 2n });
  expect(await readdir(directory)).toContain("PAXOS");
});

test("a crash while the database was being made leaves a directory that is as good as new", async () => {
  const directory = join(await makeDirectory(), "store");
  await mkdir(directory);
  // What LevelDB makes before its file CURRENT; and the marker's draft.
  for (const file of ["MANIFEST-000001", "LOCK", "LOG", "000003.log", "PAXOS.new"])
    await writeFile(join(directory, file), "");
  expect((await load(directory)).saves).toBe(0n);
});

test("a table that a crash has left half written, and that is not needed, is no damage", async () => {
  const { directory, storeId } = await makeStore();
  await writeFile(join(directory, "000099.ldb"), "half a table");
  expect(await load(directory)).toEqual({ storeId, saves: 2n });
  // LevelDB has removed it.
  expect(await readdir(directory)).not.toContain("000099.ldb");
});

test("a damaged table is an error that names it, and stays where it is", async () => {
  const { directory } = await makeStore();
  const table = (await readdir(directory)).find((file) => file.endsWith(".ldb")) ?? "";
  const bytes = await readFile(join(directory, table));
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  await writeFile(join(directory, table), bytes);
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(load(directory)).rejects.toThrow(
      `${join(directory, table)} is damaged: its block at 0 is damaged`,
    );
    expect(await readFile(join(directory, table))).toEqual(bytes);
  }
});
