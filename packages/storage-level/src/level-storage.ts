import type { BinaryLevel } from "./binary-level.js";
import { CheckedStorage } from "./checked-storage.js";
import { LevelRecords } from "./level-records.js";

/** What a {@link LevelStorage} stands on. */
export interface LevelStorageOptions {
  /** The storage, for errors: its directory, say. */
  readonly name: string;
  /**
   * Makes the database; `load` calls it once, opens what it gives, and `close` closes it. The database must honour
   * `sync: true` of `batch`, or the storage is only as durable as the database is.
   */
  readonly database: () => BinaryLevel | Promise<BinaryLevel>;
}

/** Storage on any abstract-level database. See layout.ts for what it writes. One handle at a time. */
export class LevelStorage extends CheckedStorage {
  constructor(options: LevelStorageOptions) {
    super(options.name, new LevelRecords(options));
  }
}
