import { resolve } from "node:path";
import { openClassicLevel } from "./classic-level-database.js";
import { LevelStorage } from "./level-storage.js";
import { fileMarker } from "./store-marker.js";

/** Where {@link classicLevelStorage} keeps its files. */
export interface ClassicLevelStorageOptions {
  /** The directory, for this node alone. Made when it is missing, with those above it, readable by its owner only. */
  readonly directory: string;
}

/**
 * Storage on disk: LevelDB in a directory. Nothing is touched before `load`, which rejects with a
 * ConfigError when the directory is in use already, or may not be made, read or written, and with a StorageError
 * when what it holds cannot be opened, or has lost anything.
 */
export function classicLevelStorage({ directory }: ClassicLevelStorageOptions): LevelStorage {
  const path = resolve(directory);
  return new LevelStorage({ name: path, database: () => openClassicLevel(path), marker: fileMarker(path) });
}
