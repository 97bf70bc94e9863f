// https://github.com/google/snappy/blob/main/format_description.txt

/** What snappy has compressed. The bytes must be whole: their checksum has been verified. */
export function unsnappy(bytes: Uint8Array): Uint8Array {
  let at = 0;
  const next = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("compressed bytes end early");
    return byte;
  };
  const number = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value += next() * 2 ** (8 * i);
    return value;
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = next();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const whole = new Uint8Array(varint());
  let end = 0;
  while (end < whole.length) {
    const tag = next();
    const rest = tag >> 2;
    if ((tag & 3) === 0) {
      const length = 1 + (rest < 60 ? rest : number(rest - 59));
      whole.set(bytes.subarray(at, at + length), end);
      at += length;
      end += length;
      continue;
    }
    const length = (tag & 3) === 1 ? 4 + (rest & 7) : 1 + rest;
    const distance = (tag & 3) === 1 ? (rest >> 3) * 256 + next() : number((tag & 3) === 2 ? 2 : 4);
    // Byte by byte: it may repeat what it has just written.
    for (const stop = end + length; end < stop; end++) whole[end] = whole[end - distance] ?? 0;
  }
  return whole;
}
