// CRC-32C (Castagnoli), which LevelDB seals its blocks with; zlib has CRC-32 only. Eight bytes at a time.
const tables = makeTables();

/** The CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  const at = (table: Uint32Array, index: number): number => table[index] ?? 0;
  const byte = (i: number): number => bytes[i] ?? 0;
  const whole = bytes.length - (bytes.length % 8);
  let crc = ~0;
  for (let i = 0; i < whole; i += 8) {
    crc ^= byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
    crc =
      at(t7, crc & 0xff) ^
      at(t6, (crc >>> 8) & 0xff) ^
      at(t5, (crc >>> 16) & 0xff) ^
      at(t4, crc >>> 24) ^
      at(t3, byte(i + 4)) ^
      at(t2, byte(i + 5)) ^
      at(t1, byte(i + 6)) ^
      at(t0, byte(i + 7));
  }
  for (let i = whole; i < bytes.length; i++) crc = (crc >>> 8) ^ at(t0, (crc ^ byte(i)) & 0xff);
  return ~crc >>> 0;
}

/** Whether LevelDB has sealed these bytes with this: their CRC-32C, rotated, and a number added. */
export function isSealed(bytes: Uint8Array, seal: number): boolean {
  const masked = (seal - 0xa282ead8) >>> 0;
  return ((masked >>> 17) | (masked << 15)) >>> 0 === crc32c(bytes);
}

type Eight<T> = readonly [T, T, T, T, T, T, T, T];

function makeTables(): Eight<Uint32Array> {
  const first = new Uint32Array(256).map((_, i) => {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
  });
  const after = (table: Uint32Array): Uint32Array =>
    table.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] ?? 0));
  const second = after(first);
  const third = after(second);
  const fourth = after(third);
  const fifth = after(fourth);
  const sixth = after(fifth);
  const seventh = after(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, after(seventh)];
}
