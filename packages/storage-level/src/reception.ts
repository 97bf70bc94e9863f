import { crc32 } from "node:zlib";
import { equals } from "@bufbuild/protobuf";
import type { ChunkData, IncomingSnapshot } from "@paxos/core";
import { SnapshotSchema, type Snapshot } from "@paxos/proto";

/** The most bytes that a chunk may have. */
export const MAX_CHUNK_BYTES = 8 * 1024 * 1024;

/** A snapshot on its way in. */
export interface Receiving extends IncomingSnapshot {
  /** The bytes of the chunks below `next`. */
  readonly bytes: number;
  /** Their CRC-32. */
  readonly checksum: number;
}

/** What becomes of a chunk. */
export type Reception =
  /** Nothing changes: `next` is wanted of that snapshot. */
  | { readonly kind: "refuse"; readonly next: number }
  /** It is kept; with it `receiving` is what has been received. What was received of another snapshot is dropped first. */
  | { readonly kind: "keep"; readonly receiving: Receiving; readonly begins: boolean }
  /** The chunks do not add up to what the snapshot says of itself: all that was received of it is dropped. */
  | { readonly kind: "drop" };

/**
 * Decides about a chunk: kept is the one that is wanted, if its checksum fits. Of a snapshot that is not the one under way,
 * that is chunk 0; any other leaves everything as it is, since the snapshot under way may be nearly complete. The
 * last chunk, and any with which there are more bytes than the snapshot says, show whether the whole adds up.
 */
export function receive(
  current: Receiving | undefined,
  snapshot: Snapshot,
  index: number,
  { data, checksum }: ChunkData,
): Reception {
  const goesOn = current !== undefined && equals(SnapshotSchema, current.snapshot, snapshot);
  const before = goesOn ? current : { next: 0, bytes: 0, checksum: 0 };
  const refusal: Reception = { kind: "refuse", next: before.next };
  if (index !== before.next || index >= snapshot.chunks || data.length > MAX_CHUNK_BYTES) return refusal;
  if (crc32(data, before.checksum) !== checksum) return refusal;
  const receiving = { snapshot, next: index + 1, bytes: before.bytes + data.length, checksum };
  if (addsUp(receiving)) return { kind: "keep", receiving, begins: !goesOn };
  return goesOn ? { kind: "drop" } : refusal;
}

/** Whether all chunks are there. */
export function isComplete({ snapshot, next }: IncomingSnapshot): boolean {
  return next === snapshot.chunks;
}

function addsUp(receiving: Receiving): boolean {
  const { snapshot, bytes, checksum } = receiving;
  if (!isComplete(receiving)) return BigInt(bytes) <= snapshot.bytes;
  return BigInt(bytes) === snapshot.bytes && checksum === snapshot.checksum;
}
