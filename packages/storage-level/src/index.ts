// Storage that survives its process, on disk or on any abstract-level database; and one that does not.
export { classicLevelStorage } from "./classic-level-storage.js";
export type { ClassicLevelStorageOptions } from "./classic-level-storage.js";
export { LevelStorage } from "./level-storage.js";
export type { LevelStorageOptions } from "./level-storage-options.js";
export type { StoreMarker } from "./store-marker.js";
export type { BinaryLevel } from "./binary-level.js";
export { createStorageFromSnapshot } from "./create-storage.js";
export type { FirstContent } from "./create-storage.js";
export { inspectStorage } from "./inspect-storage.js";
export type { StorageReport } from "./storage-report.js";
export type { StorePlace } from "./store-place.js";
export { MemoryStorage } from "./memory-storage.js";
export { StorageError } from "./storage-error.js";
export { MAX_RUN_UPDATES } from "./layout.js";
export { MAX_CHUNK_BYTES } from "./reception.js";
