import type { BinaryLevel } from "./binary-level.js";
import type { StoreMarker } from "./store-marker.js";

/** What a {@link LevelStorage} stands on. */
export interface LevelStorageOptions {
  /** The storage, for errors: its directory, say. */
  readonly name: string;
  /**
   * Makes the database; `load` calls it once, opens what it gives, and `close` closes it. The database must honour
   * `sync: true` of `batch`, or the storage is only as durable as the database is.
   */
  readonly database: () => BinaryLevel | Promise<BinaryLevel>;
  /**
   * Where the id of the store is kept besides the database, so that a database which has lost everything is not taken for
   * a new one. Absent: nowhere.
   */
  readonly marker?: StoreMarker;
}
