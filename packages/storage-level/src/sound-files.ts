import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { findLogDamage } from "./log-file.js";
import { StorageError } from "./storage-error.js";
import { findTableDamage } from "./table-file.js";

const ASIDE = ".damaged";

/** Whether a file of this name is one of LevelDB's logs. */
export function isLog(file: string): boolean {
  return /^\d+[.]log$/.test(file);
}

/** Whether a file of this name is one of LevelDB's tables. */
export function isTable(file: string): boolean {
  return /^\d+[.](ldb|sst)$/.test(file);
}

/**
 * Verifies all of LevelDB's tables and logs in a directory, a file at a time, then opens it. Throws a StorageError that names
 * what is damaged.
 */
export async function openSound<T>(directory: string, open: () => Promise<T>): Promise<T> {
  const files = await restoreNames(directory);
  for (const file of files.filter(isLog)) {
    const at = findLogDamage(await readFile(join(directory, file)));
    if (at !== undefined)
      throw damaged(join(directory, file), `its record at ${at} is damaged, and others follow`);
  }
  const tables = new Map<string, string>();
  for (const file of files.filter(isTable)) {
    const damage = findTableDamage(await readFile(join(directory, file)));
    if (damage !== undefined) tables.set(join(directory, file), damage);
  }
  return await openWithout(tables, open);
}

/**
 * A table that a crash has left half written, and that LevelDB knows nothing of, is no damage. LevelDB tells them apart: with
 * a table put aside it opens only if it does not need that.
 */
async function openWithout<T>(tables: ReadonlyMap<string, string>, open: () => Promise<T>): Promise<T> {
  for (const path of tables.keys()) await rename(path, `${path}${ASIDE}`);
  try {
    const opened = await open();
    for (const path of tables.keys()) await rm(`${path}${ASIDE}`);
    return opened;
  } catch (error) {
    for (const path of tables.keys()) await rename(`${path}${ASIDE}`, path);
    for (const [path, damage] of tables) throw damaged(path, damage, error);
    throw error;
  }
}

/** A crash may have left tables aside. */
async function restoreNames(directory: string): Promise<string[]> {
  const files = await readdir(directory);
  for (const file of files.filter((name) => name.endsWith(ASIDE))) {
    await rename(join(directory, file), join(directory, file.slice(0, -ASIDE.length)));
  }
  return files.map((file) => (file.endsWith(ASIDE) ? file.slice(0, -ASIDE.length) : file));
}

function damaged(path: string, what: string, cause?: unknown): StorageError {
  return new StorageError(`${path} is damaged: ${what}. Nothing is read from it: replace this member.`, {
    cause,
  });
}
