import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ConfigError } from "@paxos/core";
import { ClassicLevel } from "classic-level";
import type { BinaryLevel } from "./binary-level.js";
import { LevelStorage } from "./level-storage.js";
import { isError, reason, StorageError } from "./storage-error.js";

/** Where {@link classicLevelStorage} keeps its files. */
export interface ClassicLevelStorageOptions {
  /** The directory, for this node alone. Made when it is missing, with those above it, readable by its owner only. */
  readonly directory: string;
}

/**
 * Storage on disk: LevelDB in a directory. Nothing is touched before `load`, which rejects with a
 * ConfigError when the directory is in use already, or may not be made, read or written, and with a StorageError
 * when what it holds cannot be opened.
 */
export function classicLevelStorage({ directory }: ClassicLevelStorageOptions): LevelStorage {
  const path = resolve(directory);
  return new LevelStorage({ name: path, database: () => openDatabase(path) });
}

async function openDatabase(directory: string): Promise<BinaryLevel> {
  try {
    await makeDirectory(directory);
    const database = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: "view",
      valueEncoding: "view",
    });
    await database.open();
    return database;
  } catch (error) {
    throw explain(directory, error);
  }
}

async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined || process.platform === "win32") return;
  // A new directory survives a loss of power once the one above it has been synced.
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    const parent = await open(dirname(made), "r");
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
  }
}

// classic-level puts LevelDB's reason into the cause of its error, and has no codes for those of the file system.
function explain(directory: string, error: unknown): Error {
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  const code = isError(cause) && "code" in cause ? cause.code : undefined;
  const detail = reason(cause);
  const options = { cause: error };
  if (code === "LEVEL_LOCKED") {
    const remedy = "Stop the process that uses it, or give this node a data directory of its own.";
    return new ConfigError(`${directory} is in use already. ${remedy}`, options);
  }
  if (code === "EEXIST" || code === "ENOTDIR") {
    const remedy = "Name another data directory.";
    return new ConfigError(`${directory} is not a directory, nor can it be made one. ${remedy}`, options);
  }
  if (/^(EACCES|EPERM|EROFS)$/.test(String(code)) || /permission denied|read-only/i.test(detail)) {
    const remedy = "Let this user read and write it, or name another data directory.";
    return new ConfigError(`${directory} cannot be used: ${detail}. ${remedy}`, options);
  }
  return new StorageError(`${directory} cannot be opened: ${detail}`, options);
}
