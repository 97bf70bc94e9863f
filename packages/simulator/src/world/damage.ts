import { digestOf } from "../digest.js";

/** A record of a disk is not what was written there: it must not be given to anybody. */
class DamagedRecord extends Error {
  override readonly name = "StorageError";
}

/** The same bytes but for one bit. */
function withFlippedBit(bytes: Uint8Array, draw: number): Uint8Array {
  const flipped = bytes.slice();
  const at = draw % (8 * flipped.length);
  flipped[at >> 3] = (flipped[at >> 3] as number) ^ (1 << (at & 7));
  return flipped;
}

/** A record, and the checksum written with it, which is looked at once somebody has been at it: it costs less. */
export interface Record {
  readonly bytes: Uint8Array;
  readonly checksum?: number;
}

export function damaged({ bytes }: Record, draw: number): Record {
  return { bytes: withFlippedBit(bytes, draw), checksum: digestOf(bytes) };
}

/** @throws DamagedRecord */
export function read({ bytes, checksum }: Record, what: string): Uint8Array {
  if (checksum === undefined || checksum === digestOf(bytes)) return bytes;
  throw new DamagedRecord(`${what} is damaged: its checksum does not fit`);
}
