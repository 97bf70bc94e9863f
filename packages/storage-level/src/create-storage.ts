import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError, InvariantError, type ChunkData } from "@paxos/core";
import type { PersistentState, Snapshot } from "@paxos/proto";
import { makeDirectory, openClassicLevel } from "./classic-level-database.js";
import { explain } from "./explain-error.js";
import { putIdentity } from "./identify-store.js";
import { chunkKey, describeSnapshot, MESSAGE_FORMAT } from "./layout.js";
import { newTip, putSave } from "./put-save.js";
import { isComplete, receive, type Receiving } from "./reception.js";
import { Records } from "./records.js";
import { encodeChunk, isStorable } from "./snapshot-records.js";
import { StorageError } from "./storage-error.js";
import { randomStoreId } from "./store-id.js";
import { fileMarker, type StoreMarker } from "./store-marker.js";
import type { StorePlace } from "./store-place.js";

/** What a store begins with. */
export interface FirstContent {
  /** The state as its first save: `saveNumber` is 1, and `localAru` the snapshot's seq. */
  readonly state: PersistentState;
  readonly snapshot: Snapshot;
  /** The chunks of the snapshot, in order. */
  readonly chunks: AsyncIterable<ChunkData>;
}

/**
 * Makes a store that begins with a snapshot, of a backup say, as if it had been installed by the first save. The store is
 * closed again, and has an id of its own, which is what this resolves with; the snapshot stays what it is.
 *
 * Rejects with a ConfigError when there is something in that place already, with a StorageError when the chunks do not add
 * up to the snapshot, and with what `chunks` throws; then it has removed what it had made. A crash in between leaves a place
 * that is refused as not made in full.
 */
export async function createStorageFromSnapshot(options: StorePlace & FirstContent): Promise<bigint> {
  requireStorable(options);
  if (!("directory" in options)) return await createInDatabase(options);
  const path = resolve(options.directory);
  const undo = await claimDirectory(path);
  try {
    const records = new Records(path, await openClassicLevel(path));
    try {
      return await fill(records, fileMarker(path), options);
    } finally {
      await records.db.close();
    }
  } catch (error) {
    await undo();
    throw error;
  }
}

async function createInDatabase({
  name,
  database,
  marker,
  ...content
}: Exclude<StorePlace, { directory: string }> & FirstContent): Promise<bigint> {
  const db = await database();
  try {
    await db.open();
    if ((await db.keys({ limit: 1 }).all()).length > 0) throw new ConfigError(`${name} is not empty`);
    try {
      return await fill(new Records(name, db), marker, content);
    } catch (error) {
      await db.clear();
      throw error;
    }
  } finally {
    await db.close();
  }
}

async function fill(
  records: Records,
  marker: StoreMarker | undefined,
  content: FirstContent,
): Promise<bigint> {
  const { state, snapshot, chunks } = content;
  let received: Receiving | undefined;
  for await (const chunk of chunks) {
    const index = received?.next ?? 0;
    const reception = receive(received, snapshot, index, chunk);
    if (reception.kind !== "keep") {
      throw new StorageError(
        `chunk ${index} of the snapshot ${describeSnapshot(snapshot)} is not what was expected`,
      );
    }
    received = reception.receiving;
    await records.write(({ put }) => put(chunkKey(snapshot, index), encodeChunk(chunk)));
  }
  if (received === undefined || !isComplete(received)) {
    throw new StorageError(
      `the snapshot ${describeSnapshot(snapshot)} ends after ${received?.next ?? 0} of ${snapshot.chunks} chunks`,
    );
  }
  const storeId = randomStoreId();
  // Last, what makes it a store: without that it is refused.
  await records.write((batch) => {
    putIdentity(batch, storeId);
    putSave(batch, { number: 1, state, runs: [], install: snapshot, messages: [] }, newTip);
  });
  await marker?.write(storeId);
  return storeId;
}

function requireStorable({ state, snapshot }: FirstContent): void {
  const { formatVersion, saveNumber, localAru } = state;
  if (
    formatVersion === MESSAGE_FORMAT &&
    saveNumber === 1n &&
    isStorable(snapshot) &&
    localAru === snapshot.seq
  )
    return;
  throw new InvariantError(
    `a store begins with save 1, a snapshot and the ARU at its seq; given were save ${saveNumber}, ` +
      `ARU ${localAru} and the snapshot ${describeSnapshot(snapshot)}`,
  );
}

/** Makes an empty directory. Gives what removes it again, with what is in it by then. */
async function claimDirectory(directory: string): Promise<() => Promise<void>> {
  try {
    const first = await makeDirectory(directory);
    if ((await readdir(directory)).length > 0) {
      throw new ConfigError(`${directory} is not empty. A new store needs a directory of its own.`);
    }
    return async () => {
      if (first !== undefined) return await rm(first, { recursive: true, force: true });
      for (const file of await readdir(directory))
        await rm(join(directory, file), { recursive: true, force: true });
    };
  } catch (error) {
    throw explain(directory, error);
  }
}
