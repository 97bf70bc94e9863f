// V8 hashes a bigint by its lowest 64 bits, without a seed; each step of that can be undone.
const mask = (1n << 64n) - 1n;

/** The inverse of an odd number modulo 2^64. */
function inverse(odd: bigint): bigint {
  let x = 1n;
  for (let i = 0; i < 7; i++) x = (x * (2n - odd * x)) & mask;
  return x & mask;
}

/** Undoes `x ^= x >> shift`. */
function unshift(hash: bigint, shift: bigint): bigint {
  let x = hash;
  for (let i = shift; i < 64n; i += shift) x = hash ^ (x >> shift);
  return x & mask;
}

function withHash(hash: bigint): bigint {
  let x = (unshift(hash, 22n) * inverse(65n)) & mask;
  x = (unshift(x, 11n) * inverse(21n)) & mask;
  x = unshift(x, 31n);
  return ((x + 1n) * inverse((1n << 18n) - 1n)) & mask;
}

/** Numbers of 64 bits whose hashes are the same in the 30 bits that a map looks at. */
export function collidingBigInts(count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => withHash((BigInt(index + 1) << 30n) | 5n));
}
