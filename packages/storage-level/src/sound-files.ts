import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findLogDamage } from "./log-file.js";
import { liveTables } from "./manifest.js";
import { isError, StorageError } from "./storage-error.js";
import { findTableDamage } from "./table-file.js";

/** Whether a file of this name is one of LevelDB's logs. */
export function isLog(file: string): boolean {
  return /^\d+[.]log$/.test(file);
}

/** Whether a file of this name is one of LevelDB's tables. */
export function isTable(file: string): boolean {
  return /^\d+[.](ldb|sst)$/.test(file);
}

/**
 * Verifies all of LevelDB's logs and tables in a directory, a file at a time. Throws a StorageError that names what is damaged. A
 * table that the database does not need, which a crash may have left half written, is not looked at; nor is anything
 * changed, for another process may be at work there.
 */
export async function requireSoundFiles(directory: string): Promise<void> {
  const live = await liveTables(directory);
  for (const file of await readdir(directory)) {
    const isLive = isLog(file) || (isTable(file) && live.has(parseInt(file, 10)));
    const path = join(directory, file);
    const bytes = isLive ? await readIfThere(path) : undefined;
    const damage = bytes && (isLog(file) ? findLogDamage(bytes) : findTableDamage(bytes));
    if (damage === undefined) continue;
    throw new StorageError(`${path} is damaged: ${damage}. Nothing is read from it: replace this member.`);
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isError(error) && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
