import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "./storage-error.js";
import { findDamage } from "./table-file.js";

const ASIDE = ".damaged";

/**
 * Verifies all of LevelDB's tables in a directory, a table at a time, then opens it. A table that a crash has left half
 * written, and that LevelDB knows nothing of, is no damage. LevelDB tells them apart: with a table put aside it opens only if
 * it does not need that. Throws a StorageError that names what is damaged.
 */
export async function openWithSoundTables<T>(directory: string, open: () => Promise<T>): Promise<T> {
  const files = await readdir(directory);
  for (const file of files.filter((name) => name.endsWith(ASIDE))) {
    await rename(join(directory, file), join(directory, file.slice(0, -ASIDE.length)));
  }
  const tables = files.map((file) => file.replace(ASIDE, "")).filter((file) => /^\d+[.](ldb|sst)$/.test(file));
  const damaged = new Map<string, string>();
  for (const file of tables) {
    const damage = findDamage(await readFile(join(directory, file)));
    if (damage !== undefined) damaged.set(join(directory, file), damage);
  }
  for (const path of damaged.keys()) await rename(path, `${path}${ASIDE}`);
  try {
    const opened = await open();
    for (const path of damaged.keys()) await rm(`${path}${ASIDE}`);
    return opened;
  } catch (error) {
    for (const path of damaged.keys()) await rename(`${path}${ASIDE}`, path);
    const [first] = damaged;
    if (first === undefined) throw error;
    const [path, damage] = first;
    throw new StorageError(`the table ${path} is damaged: ${damage}. Nothing is read from it: replace this member.`, {
      cause: error,
    });
  }
}
