import type { Snapshot } from "@paxos/proto";
import {
  chunkKey,
  CHUNKS_END,
  CHUNKS_START,
  chunksEnd,
  describeKey,
  describeSnapshot,
  INCOMING_KEY,
  parseChunkKey,
  snapshotKey,
  SNAPSHOTS_END,
  SNAPSHOTS_START,
} from "./layout.js";
import type { SnapshotId } from "@paxos/core";
import type { Receiving } from "./reception.js";
import type { Records } from "./records.js";
import type { SealedSnapshotId } from "./save-record.js";
import { sealOf } from "./seal.js";
import { decodeProgress, decodeSnapshot } from "./snapshot-records.js";

/** A snapshot, and the checksum that its record is sealed with. */
export interface SealedSnapshot {
  readonly snapshot: Snapshot;
  readonly seal: number;
}

/** What of snapshots is there. */
export interface LoadedSnapshots {
  readonly snapshots: readonly SealedSnapshot[];
  readonly incoming?: Receiving;
}

/**
 * Loads the snapshots held in full, in ascending order of seqs, and the one on its way in. Throws a StorageError when the
 * latest is not there in full; of others, a crash may have dropped chunks.
 */
export async function loadSnapshots(records: Records): Promise<LoadedSnapshots> {
  const headers = await readHeaders(records);
  const snapshots: SealedSnapshot[] = [];
  for (const header of headers) {
    const { snapshot } = header;
    if ((await countChunks(records, snapshot, snapshot.chunks)) === snapshot.chunks) snapshots.push(header);
    else if (header === headers.at(-1)) {
      throw records.error(`chunks of the latest snapshot, ${describeSnapshot(snapshot)}, are missing`);
    }
  }
  const incoming = await loadIncoming(records, snapshots.at(-1)?.snapshot);
  return incoming === undefined ? { snapshots } : { snapshots, incoming };
}

/** Removes what crashes have left of snapshots that are not held and not on their way in. */
export async function removeLeftovers(
  records: Records,
  { snapshots, incoming }: LoadedSnapshots,
): Promise<void> {
  const held = snapshots.map(({ snapshot }) => snapshot);
  for (const { snapshot } of await readHeaders(records)) {
    if (held.some((one) => isSame(one, snapshot))) continue;
    await records.write(({ del }) => del(snapshotKey(snapshot)));
  }
  if (incoming === undefined && (await records.getSealed(INCOMING_KEY)) !== undefined) {
    await records.write(({ del }) => del(INCOMING_KEY));
  }
  const wanted = (id: SnapshotId): number => {
    const whole = held.find((one) => isSame(one, id));
    if (whole !== undefined) return whole.chunks;
    return incoming !== undefined && isSame(incoming.snapshot, id) ? incoming.next : 0;
  };
  await dropUnwantedChunks(records, wanted);
}

/** The records of all snapshots, in ascending order of seqs. */
async function readHeaders(records: Records): Promise<SealedSnapshot[]> {
  const headers: SealedSnapshot[] = [];
  for await (const entries of records.entries({ gte: SNAPSHOTS_START, lt: SNAPSHOTS_END })) {
    for (const [key, sealed] of entries) {
      headers.push({ snapshot: decodeHeader(records, key, sealed), seal: sealOf(sealed) });
    }
  }
  return headers;
}

/** The snapshot under a key. Throws a StorageError when it is not what the key says. */
export function decodeHeader(records: Records, key: Uint8Array, sealed: Uint8Array): Snapshot {
  const snapshot = decodeSnapshot(records.unseal(key, sealed));
  if (snapshot === undefined || describeKey(snapshotKey(snapshot)) !== describeKey(key))
    throw records.damaged(key);
  return snapshot;
}

/** What a save names. */
export function sealedId({ snapshot, seal }: SealedSnapshot): SealedSnapshotId {
  return { seq: snapshot.seq, origin: snapshot.origin, seal };
}

// It is only a cache: what a crash has taken back, peers send again.
async function loadIncoming(records: Records, latest: Snapshot | undefined): Promise<Receiving | undefined> {
  const record = await records.get(INCOMING_KEY);
  if (record === undefined) return undefined;
  const incoming = decodeProgress(record);
  if (incoming === undefined) throw records.damaged(INCOMING_KEY);
  const { snapshot, next } = incoming;
  const isWanted = snapshot.seq > (latest?.seq ?? 0n);
  return isWanted && (await countChunks(records, snapshot, next)) === next ? incoming : undefined;
}

/** How many chunks of the first `upTo` are there. */
async function countChunks(records: Records, id: SnapshotId, upTo: number): Promise<number> {
  let count = 0;
  for await (const keys of records.keys({ gte: chunkKey(id, 0), lt: chunkKey(id, upTo) }))
    count += keys.length;
  return count;
}

/** Deletes the chunks from index `wanted` on, of each snapshot, without looking at those below. */
async function dropUnwantedChunks(records: Records, wanted: (id: SnapshotId) => number): Promise<void> {
  let gte = CHUNKS_START;
  for (;;) {
    const key = await records.firstKey({ gte, lt: CHUNKS_END });
    if (key === undefined) return;
    const chunk = parseChunkKey(key);
    if (chunk === undefined) throw records.damaged(key);
    const count = wanted(chunk.id);
    if (chunk.index < count) {
      gte = chunkKey(chunk.id, count);
    } else {
      gte = chunksEnd(chunk.id);
      await records.delete({ gte: key, lt: gte });
    }
  }
}

function isSame(a: SnapshotId, b: SnapshotId): boolean {
  return a.seq === b.seq && a.origin === b.origin;
}
