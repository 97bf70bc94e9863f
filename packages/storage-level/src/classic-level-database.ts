import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError } from "@paxos/core";
import { ClassicLevel } from "classic-level";
import type { BinaryLevel } from "./binary-level.js";
import { explain } from "./explain-error.js";
import { isError, StorageError } from "./storage-error.js";
import { MARKER_FILE, syncDirectory } from "./store-marker.js";
import { openWithSoundTables } from "./table-check.js";

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

async function open(directory: string, options: { readonly createIfMissing: boolean }): Promise<BinaryLevel> {
  const encodings = { keyEncoding: "view", valueEncoding: "view" } as const;
  const database = new ClassicLevel<Uint8Array, Uint8Array>(directory, encodings);
  await openWithSoundTables(directory, () => database.open(options));
  return database;
}

async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // A new directory survives a loss of power once the one above it has been synced.
  for (let made = directory; made.length >= first.length; made = dirname(made))
    await syncDirectory(dirname(made));
}

/**
 * LevelDB without its file CURRENT begins anew, and deletes what it finds. It has begun anew by right only where nothing was
 * written yet: a crash while a store was being made leaves no table, no marker, and no log with anything in it.
 */
async function requireNothingMissing(directory: string): Promise<void> {
  const files = await filesIn(directory);
  if (files.includes("CURRENT")) return;
  for (const file of files) {
    const isLog = file.endsWith(".log");
    const holdsData = file === MARKER_FILE || /[.](ldb|sst)$/.test(file);
    if (!holdsData && !(isLog && (await stat(join(directory, file))).size > 0)) continue;
    throw new StorageError(
      `${directory}: the file CURRENT is missing, though there is ${file}. The storage is damaged: replace this member.`,
    );
  }
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isError(error) && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
