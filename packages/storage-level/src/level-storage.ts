import { CheckedStorage } from "./checked-storage.js";
import { LevelRecords } from "./level-records.js";
import type { LevelStorageOptions } from "./level-storage-options.js";

/** Storage on any abstract-level database. See layout.ts for what it writes. One handle at a time. */
export class LevelStorage extends CheckedStorage {
  constructor(options: LevelStorageOptions) {
    super(options.name, new LevelRecords(options));
  }
}
