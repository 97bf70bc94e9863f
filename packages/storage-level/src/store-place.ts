import { resolve } from "node:path";
import { openExistingClassicLevel } from "./classic-level-database.js";
import type { ClassicLevelStorageOptions } from "./classic-level-storage.js";
import type { LevelStorageOptions } from "./level-storage-options.js";
import { Records } from "./records.js";
import { fileMarker, type StoreMarker } from "./store-marker.js";

/** Where a store is: in a directory, or in a database of another kind. */
export type StorePlace = ClassicLevelStorageOptions | LevelStorageOptions;

/** The records of a store that exists, and its marker. Whoever opens them closes the database. */
export async function openExisting(place: StorePlace): Promise<{ records: Records; marker?: StoreMarker }> {
  if ("directory" in place) {
    const path = resolve(place.directory);
    return { records: new Records(path, await openExistingClassicLevel(path)), marker: fileMarker(path) };
  }
  const { name, database, marker } = place;
  const db = await database();
  await db.open();
  const records = new Records(name, db);
  return marker === undefined ? { records } : { records, marker };
}
