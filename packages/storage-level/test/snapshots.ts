// Snapshots as nodes take them and as peers send them.
import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import type { ChunkData, Save, SnapshotDraft, SnapshotId, Storage } from "@paxos/core";
import { EpochRecordSchema, SnapshotSchema, type Snapshot } from "@paxos/proto";
import { makeSave, type RunFields } from "./builders.js";

export const epochRecord = create(EpochRecordSchema, { formatVersion: 1, prepareQuorum: 2, acceptQuorum: 2 });

/** A snapshot with all of its chunks. */
export interface WholeSnapshot {
  readonly snapshot: Snapshot;
  readonly chunks: readonly ChunkData[];
}

/** A peer's snapshot in full. */
export function wholeSnapshot(seq: number, origin: bigint, pieces: readonly Uint8Array[]): WholeSnapshot {
  return { snapshot: peerSnapshot(seq, origin, pieces), chunks: withChecksums(pieces) };
}

/** The chunks of a state: what the state machine would give. */
export function piecesOf(name: string, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    new TextEncoder().encode(`${name} piece ${i} `.padEnd(40, "=")),
  );
}

export async function* stream(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    await Promise.resolve();
    yield piece;
  }
}

export function makeDraft(seq: number, pieces: readonly Uint8Array[]): SnapshotDraft {
  return { seq, epochRecord, chunks: stream(pieces) };
}

/** Chunks with the checksums that they are sent with. */
export function withChecksums(pieces: readonly Uint8Array[]): ChunkData[] {
  let checksum = 0;
  return pieces.map((data) => ({ data, checksum: (checksum = crc32(data, checksum)) }));
}

/** A peer's snapshot, which says of itself what is true. */
export function peerSnapshot(seq: number, origin: bigint, pieces: readonly Uint8Array[]): Snapshot {
  return create(SnapshotSchema, {
    formatVersion: 1,
    seq: BigInt(seq),
    origin,
    chunks: pieces.length,
    bytes: BigInt(pieces.reduce((bytes, { length }) => bytes + length, 0)),
    checksum: pieces.reduce((checksum, piece) => crc32(piece, checksum), 0),
    epochRecord,
  });
}

export async function receiveAll(
  storage: Storage,
  snapshot: Snapshot,
  pieces: readonly Uint8Array[],
): Promise<void> {
  for (const [index, chunk] of withChecksums(pieces).entries())
    await storage.receiveChunk(snapshot, index, chunk);
}

export function makeInstall(
  number: number,
  localAru: number,
  install: Snapshot,
  runs: readonly RunFields[] = [],
): Save {
  return { ...makeSave(number, localAru, runs), install };
}

/** All chunks of a snapshot, each as far as it is there. */
export async function readChunks(
  storage: Storage,
  id: SnapshotId,
  count: number,
): Promise<(ChunkData | undefined)[]> {
  const chunks: (ChunkData | undefined)[] = [];
  for (let index = 0; index < count; index++) chunks.push(await storage.readChunk(id, index));
  return chunks;
}
