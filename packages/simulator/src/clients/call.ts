/** One update of one client, from its first attempt to its end. */
export interface Call {
  /** Counts the calls of a run, from 0. Travels in front of the update. */
  readonly id: number;
  /** The client's index. */
  readonly client: number;
  /** As the workload gave it. */
  readonly update: Uint8Array;
  /** Virtual time of the first attempt, in microseconds. */
  readonly start: number;
  attempts: number;
  outcome: "pending" | "ordered" | "rejected" | "unknown";
  result: Uint8Array | undefined;
  seq: number | undefined;
  /** Virtual time of the answer; Infinity when there was none. */
  end: number;
}

/** What a call adds to its update. */
export const callBytes = 4;

/** The bytes that are replicated: the call's id, then the workload's update. */
export function encodeCall(id: number, update: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(callBytes + update.length);
  new DataView(bytes.buffer).setUint32(0, id);
  bytes.set(update, callBytes);
  return bytes;
}

/** The id and the update; undefined when the bytes are too short to be a call's. */
export function decodeCall(bytes: Uint8Array): { id: number; update: Uint8Array } | undefined {
  if (bytes.length < callBytes) return undefined;
  const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { id, update: bytes.subarray(callBytes) };
}
