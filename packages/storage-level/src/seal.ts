// A record is followed by a checksum of its key and itself. LevelDB has checksums of its own, but does not
// verify them when it is read through classic-level, and a promise that has silently changed is worse than none.
import { crc32 } from "node:zlib";
import { viewOf } from "./bytes.js";

export const CHECKSUM_BYTES = 4;

/** The record with its checksum, in new memory. */
export function seal(key: Uint8Array, record: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(record.length + CHECKSUM_BYTES);
  sealed.set(record);
  return sealWithin(key, sealed);
}

/** Seals a record where it lies, with room for the checksum as the last {@link CHECKSUM_BYTES}. */
export function sealWithin(key: Uint8Array, record: Uint8Array): Uint8Array {
  const length = record.length - CHECKSUM_BYTES;
  viewOf(record).setUint32(length, crc32(record.subarray(0, length), crc32(key)));
  return record;
}

/** The record without its checksum, in the same memory; undefined when the checksum does not fit. */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - CHECKSUM_BYTES;
  if (length < 0) return undefined;
  // Not Buffer, whose subarrays are Buffers as well: callers compare and pass on plain arrays.
  const record = new Uint8Array(sealed.buffer, sealed.byteOffset, length);
  const checksum = new DataView(sealed.buffer, sealed.byteOffset + length, CHECKSUM_BYTES).getUint32(0);
  return checksum === crc32(record, crc32(key)) ? record : undefined;
}

/** The checksum of a sealed record, fitting or not. */
export function sealOf(sealed: Uint8Array): number {
  const length = sealed.length - CHECKSUM_BYTES;
  return new DataView(sealed.buffer, sealed.byteOffset + length, CHECKSUM_BYTES).getUint32(0);
}
