import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError } from "@paxos/core";
import { ClassicLevel } from "classic-level";
import type { BinaryLevel } from "./binary-level.js";
import { explain } from "./explain-error.js";
import { isLog, isTable, requireSoundFiles } from "./sound-files.js";
import { isError, StorageError } from "./storage-error.js";
import { MARKER_FILE, syncDirectory } from "./store-marker.js";

/** Opens LevelDB in a directory that is made when it is missing. Throws a ConfigError or a StorageError. */
export async function openClassicLevel(directory: string): Promise<BinaryLevel> {
  try {
    await makeDirectory(directory);
    await requireNothingMissing(directory);
    return await open(directory, { createIfMissing: true });
  } catch (error) {
    throw explain(directory, error);
  }
}

/** Opens LevelDB in a directory where it is. Makes nothing. Throws a ConfigError or a StorageError. */
export async function openExistingClassicLevel(directory: string): Promise<BinaryLevel> {
  try {
    await requireNothingMissing(directory);
    if (!(await filesIn(directory)).includes("CURRENT"))
      throw new ConfigError(`there is no storage in ${directory}`);
    return await open(directory, { createIfMissing: false });
  } catch (error) {
    throw explain(directory, error);
  }
}

/**
 * Not compressed: that takes up to a third of the processor time of a save, most of it when there is nothing to be compressed, and
 * the log is short-lived. Tables that are compressed are read all the same.
 */
const tables = { compression: false } as const;

async function open(directory: string, options: { readonly createIfMissing: boolean }): Promise<BinaryLevel> {
  await requireSoundFiles(directory);
  const encodings = { keyEncoding: "view", valueEncoding: "view" } as const;
  const database = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
    ...encodings,
    ...tables,
    ...options,
  });
  await database.open();
  return database;
}

/** Makes a directory with those above it, durably. Gives the uppermost one that was made. */
export async function makeDirectory(directory: string): Promise<string | undefined> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return undefined;
  // A new directory survives a loss of power once the one above it has been synced.
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
  return first;
}

/**
 * LevelDB without its file CURRENT begins anew, and deletes what it finds; without its log, it goes on as if nothing had been
 * in it. That is right only where nothing was written yet: a crash while a store was being made leaves no table, no
 * marker, and no log with anything in it.
 */
async function requireNothingMissing(directory: string): Promise<void> {
  const files = await filesIn(directory);
  const isMade = files.includes(MARKER_FILE);
  if (!files.includes("CURRENT")) {
    const data = isMade ? MARKER_FILE : await dataAmong(files, directory);
    if (data !== undefined) throw missing(directory, "the file CURRENT", data);
  } else if (isMade && !files.some(isLog)) {
    throw missing(directory, "the log of the database", MARKER_FILE);
  }
}

async function dataAmong(files: readonly string[], directory: string): Promise<string | undefined> {
  for (const file of files) {
    if (isTable(file) || (isLog(file) && (await stat(join(directory, file))).size > 0)) return file;
  }
  return undefined;
}

function missing(directory: string, what: string, found: string): StorageError {
  return new StorageError(
    `${directory}: ${what} is missing, though there is ${found}. The storage is damaged: replace this member.`,
  );
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isError(error) && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
