import { ConfigError } from "@paxos/core";
import { u64 } from "./bytes.js";
import { ascii, CHUNKS_END, CHUNKS_START, FORMAT, FORMAT_KEY, STORE_ID_KEY } from "./layout.js";
import type { Batch, Records } from "./records.js";
import { StorageError } from "./storage-error.js";
import { randomStoreId } from "./store-id.js";
import type { StoreMarker } from "./store-marker.js";

/** The id of the store that is there, or of one made now. */
export async function identifyStore(records: Records, marker: StoreMarker | undefined): Promise<bigint> {
  const marked = await marker?.read();
  const isThere = await findStore(records, marked !== undefined);
  if (!isThere && marked !== undefined) {
    throw records.error(`there is no record at all, though store ${marked.toString(16)} was made here`);
  }
  const storeId = isThere ? await readStoreId(records) : await createStore(records);
  // After the records, so that a crash in between leaves a store without a marker, and not the other way round.
  if (marked === undefined) await marker?.write(storeId);
  else requireSame(records, storeId, marked);
  return storeId;
}

/** Throws a StorageError when the marker is that of another store. */
export function requireSame(records: Records, storeId: bigint, marked: bigint): void {
  if (storeId === marked) return;
  throw new StorageError(
    `${records.name}: the records are those of store ${storeId.toString(16)}, and its marker is that of store ` +
      `${marked.toString(16)}. Files of two stores are mixed up here: replace this member.`,
  );
}

/** Whether there is a store that this version reads. `isOurs`: one was made here. Throws when there is something else. */
export async function findStore(records: Records, isOurs: boolean): Promise<boolean> {
  const format = await records.getSealed(FORMAT_KEY);
  if (format === undefined) {
    if (await isEmpty(records)) return false;
    throw isOurs ? records.damaged(FORMAT_KEY) : await foreign(records);
  }
  const version = new TextDecoder().decode(format);
  if (version === String(FORMAT)) return true;
  if (!/^\d{1,9}$/.test(version)) throw records.damaged(FORMAT_KEY);
  throw new ConfigError(
    `${records.name}: the storage has format ${version}, this version reads format ${FORMAT} only. ` +
      "Run the version that wrote it, or replace this member, with an empty directory.",
  );
}

/** The id of the store that is there. */
export async function readStoreId(records: Records): Promise<bigint> {
  const storeId = await records.getNumber(STORE_ID_KEY);
  if (storeId === undefined || storeId === 0n) throw records.damaged(STORE_ID_KEY);
  return storeId;
}

async function isEmpty(records: Records): Promise<boolean> {
  return (await records.firstKey({ gte: new Uint8Array(), lt: Uint8Array.of(0xff) })) === undefined;
}

/** What records without a format are. */
async function foreign(records: Records): Promise<Error> {
  if ((await records.getSealed(STORE_ID_KEY)) !== undefined) return records.damaged(FORMAT_KEY);
  const isPart = (await records.firstKey({ gte: CHUNKS_START, lt: CHUNKS_END })) !== undefined;
  const what = isPart
    ? "a store that was to begin with a snapshot has not been made in full"
    : "the database there is not a storage of this program";
  return new ConfigError(`${records.name}: ${what}. Use an empty directory.`);
}

async function createStore(records: Records): Promise<bigint> {
  const storeId = randomStoreId();
  await records.write((batch) => putIdentity(batch, storeId));
  return storeId;
}

/** Puts what makes a database a store. */
export function putIdentity({ put, putAsIs }: Batch, storeId: bigint): void {
  putAsIs(FORMAT_KEY, ascii(String(FORMAT)));
  put(STORE_ID_KEY, u64(storeId));
}
