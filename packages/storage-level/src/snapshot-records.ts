import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ChunkData } from "@paxos/core";
import { SnapshotSchema, type Snapshot } from "@paxos/proto";
import { concat, u32, u64, viewOf } from "./bytes.js";
import { MESSAGE_FORMAT } from "./layout.js";
import type { Receiving } from "./reception.js";

const PROGRESS_BYTES = 4 + 8 + 4;

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  return toBinary(SnapshotSchema, snapshot);
}

/** Undefined when the bytes are not a snapshot that can be held. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  let snapshot: Snapshot;
  try {
    snapshot = fromBinary(SnapshotSchema, bytes);
  } catch {
    return undefined;
  }
  return isStorable(snapshot) ? snapshot : undefined;
}

/** Whether a snapshot is one that can be held. */
export function isStorable({ formatVersion, seq, chunks }: Snapshot): boolean {
  return (
    formatVersion === MESSAGE_FORMAT && seq >= 1n && Number.isSafeInteger(Number(seq) + 1) && chunks >= 1
  );
}

export function encodeChunk({ data, checksum }: ChunkData): Uint8Array {
  return concat(u32(checksum), data);
}

/** Its data shares memory with `bytes`. Undefined when the bytes are not a chunk. */
export function decodeChunk(bytes: Uint8Array): ChunkData | undefined {
  if (bytes.length < 4) return undefined;
  return { checksum: viewOf(bytes).getUint32(0), data: bytes.subarray(4) };
}

export function encodeProgress({ snapshot, next, bytes, checksum }: Receiving): Uint8Array {
  return concat(u32(next), u64(bytes), u32(checksum), encodeSnapshot(snapshot));
}

/** Undefined when the bytes do not say what has been received of a snapshot. */
export function decodeProgress(bytes: Uint8Array): Receiving | undefined {
  if (bytes.length < PROGRESS_BYTES) return undefined;
  const view = viewOf(bytes);
  const snapshot = decodeSnapshot(bytes.subarray(PROGRESS_BYTES));
  const next = view.getUint32(0);
  if (snapshot === undefined || next < 1 || next > snapshot.chunks) return undefined;
  return { snapshot, next, bytes: Number(view.getBigUint64(4)), checksum: view.getUint32(12) };
}
