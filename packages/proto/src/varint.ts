// 64-bit numbers without a bigint per digit: a number and its two halves share eight bytes.

const value = new BigUint64Array(1);
const halves = new Uint32Array(value.buffer);
const low = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const high = 1 - low;

/** Numbers that are met all the time. */
const small = Array.from({ length: 256 }, (_, i) => BigInt(i));

/** How many bytes a field of a number takes whose tag is one byte; 0 when the number is 0, for it is left out then. */
export function fieldLength(number: bigint): number {
  return number === 0n ? 0 : 1 + varintLength(number);
}

/** Writes such a field, and returns where it ends. */
export function writeField(bytes: Uint8Array, at: number, tag: number, number: bigint): number {
  if (number === 0n) return at;
  bytes[at] = tag;
  return writeVarint(bytes, at + 1, number);
}

/** The same for bytes: left out when there are none. */
export function writeBytesField(bytes: Uint8Array, at: number, tag: number, content: Uint8Array): number {
  return content.length === 0 ? at : writePiece(bytes, at, tag, content);
}

/** How many bytes a piece of this length takes, with a tag of one byte and its length: an element, or a message within another. */
export function pieceLength(length: number): number {
  return 1 + length32(length) + length;
}

/** Writes tag and length of such a piece, and returns where its content begins. */
export function beginPiece(bytes: Uint8Array, at: number, tag: number, length: number): number {
  bytes[at] = tag;
  return writeVarint32(bytes, at + 1, length);
}

/** Writes the whole of it, and returns where it ends. */
export function writePiece(bytes: Uint8Array, at: number, tag: number, content: Uint8Array): number {
  at = beginPiece(bytes, at, tag, content.length);
  bytes.set(content, at);
  return at + content.length;
}

/** How many bytes an unsigned 64-bit number takes as a varint. */
export function varintLength(number: bigint): number {
  value[0] = number;
  const h = halves[high] as number;
  const l = halves[low] as number;
  if (h === 0) return length32(l);
  // The low half gives four groups of seven bits, and four bits more.
  return h < 1 << 3 ? 5 : 5 + length32(h >>> 3);
}

/** The same for a number below 2^32. */
export function length32(number: number): number {
  if (number < 1 << 7) return 1;
  if (number < 1 << 14) return 2;
  if (number < 1 << 21) return 3;
  return number < 1 << 28 ? 4 : 5;
}

/** Writes an unsigned 64-bit number, and returns where it ends. */
export function writeVarint(bytes: Uint8Array, at: number, number: bigint): number {
  value[0] = number;
  let h = halves[high] as number;
  let l = halves[low] as number;
  while (h !== 0) {
    bytes[at++] = (l & 0x7f) | 0x80;
    l = ((l >>> 7) | (h << 25)) >>> 0;
    h >>>= 7;
  }
  return writeVarint32(bytes, at, l);
}

/** The same for a number below 2^32. */
export function writeVarint32(bytes: Uint8Array, at: number, number: number): number {
  while (number > 0x7f) {
    bytes[at++] = (number & 0x7f) | 0x80;
    number >>>= 7;
  }
  bytes[at++] = number;
  return at;
}

/** How many bytes a number of fixed length takes. */
export const fixed64Bytes = 8;

/** Writes an unsigned 64-bit number of fixed length, and returns where it ends. */
export function writeFixed64(bytes: Uint8Array, at: number, number: bigint): number {
  value[0] = number;
  writeFixed32(bytes, at, halves[low] as number);
  writeFixed32(bytes, at + 4, halves[high] as number);
  return at + fixed64Bytes;
}

function writeFixed32(bytes: Uint8Array, at: number, number: number): void {
  bytes[at] = number;
  bytes[at + 1] = number >>> 8;
  bytes[at + 2] = number >>> 16;
  bytes[at + 3] = number >>> 24;
}

/** Reads one, of which all bytes are there. */
export function readFixed64(bytes: Uint8Array, at: number): bigint {
  halves[low] = readFixed32(bytes, at);
  halves[high] = readFixed32(bytes, at + 4);
  return value[0] as bigint;
}

function readFixed32(bytes: Uint8Array, at: number): number {
  const upper = ((bytes[at + 3] as number) << 8) | (bytes[at + 2] as number);
  return (upper << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at] as number);
}

/** How many bytes a field of fixed length takes whose tag is one byte; 0 when the number is 0. */
export function fixed64FieldLength(number: bigint): number {
  return number === 0n ? 0 : 1 + fixed64Bytes;
}

/** Writes such a field, and returns where it ends. */
export function writeFixed64Field(bytes: Uint8Array, at: number, tag: number, number: bigint): number {
  if (number === 0n) return at;
  bytes[at] = tag;
  return writeFixed64(bytes, at + 1, number);
}

/** The same for a truth value: left out when it is false. */
export function writeBoolField(bytes: Uint8Array, at: number, tag: number, truth: boolean): number {
  if (!truth) return at;
  bytes[at] = tag;
  bytes[at + 1] = 1;
  return at + 2;
}

/**
 * Reads an unsigned 64-bit number, for {@link lastVarint} and {@link lastVarint31}, and returns where it ends; -1 when it goes on behind
 * `end` or has more than 64 bits.
 */
export function readVarint(bytes: Uint8Array, at: number, end: number): number {
  let l = 0;
  let h = 0;
  for (let shift = 0; at < end; shift += 7) {
    const byte = bytes[at++] as number;
    const digit = byte & 0x7f;
    if (shift < 28) l |= digit << shift;
    else if (shift === 28) {
      l |= digit << 28;
      h = digit >>> 4;
    } else if (shift < 63) h |= digit << (shift - 32);
    else if (byte > 1) return -1;
    else h |= digit << 31;
    if (byte < 0x80) {
      halves[low] = l;
      halves[high] = h;
      return at;
    }
  }
  return -1;
}

/** The number that was read last. */
export function lastVarint(): bigint {
  const l = halves[low] as number;
  return halves[high] === 0 && l < small.length ? (small[l] as bigint) : (value[0] as bigint);
}

/** The same where only less than 2^31 makes sense; otherwise -1. */
export function lastVarint31(): number {
  const l = halves[low] as number;
  return halves[high] === 0 && l < 2 ** 31 ? l : -1;
}

/** Whether the number that was read last is 0. */
export function lastVarintIsZero(): boolean {
  return halves[low] === 0 && halves[high] === 0;
}
