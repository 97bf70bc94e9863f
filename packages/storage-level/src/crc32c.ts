// CRC-32C (Castagnoli), which LevelDB seals its blocks with; zlib has CRC-32 only.
import { viewOf } from "./bytes.js";

/** Eight tables of 256: what a byte does to the checksum when 0 to 7 others follow it. So eight bytes are taken at a time. */
const tables = makeTables();

/** The CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  const whole = bytes.length - (bytes.length % 8);
  let crc = ~0;
  for (let i = 0; i < whole; i += 8) {
    const first = crc ^ view.getInt32(i, true);
    const second = view.getInt32(i + 4, true);
    crc =
      entry(7, first & 0xff) ^
      entry(6, (first >>> 8) & 0xff) ^
      entry(5, (first >>> 16) & 0xff) ^
      entry(4, first >>> 24) ^
      entry(3, second & 0xff) ^
      entry(2, (second >>> 8) & 0xff) ^
      entry(1, (second >>> 16) & 0xff) ^
      entry(0, second >>> 24);
  }
  for (let i = whole; i < bytes.length; i++) crc = (crc >>> 8) ^ entry(0, (crc ^ view.getUint8(i)) & 0xff);
  return ~crc >>> 0;
}

/** Whether LevelDB has sealed these bytes with this: their CRC-32C, rotated, and a number added. */
export function isSealed(bytes: Uint8Array, seal: number): boolean {
  const masked = (seal - 0xa282ead8) >>> 0;
  return ((masked >>> 17) | (masked << 15)) >>> 0 === crc32c(bytes);
}

function entry(table: number, byte: number): number {
  return tables[table * 256 + byte] ?? 0;
}

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[i] = crc;
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256] ?? 0;
    made[i] = (before >>> 8) ^ (made[before & 0xff] ?? 0);
  }
  return made;
}
