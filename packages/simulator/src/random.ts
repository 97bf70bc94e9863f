/**
 * A seeded source of randomness (the mulberry32 generator). Integer arithmetic only, so that a seed gives the
 * same numbers on every platform.
 */
export class Random {
  #state: number;

  /** @param seed any integer; its lower 53 bits count. */
  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring states: they would give the same numbers, shifted.
    this.#state = scramble(seed | 0) ^ scramble(Math.floor(seed / 2 ** 32) + 0x9e3779b9);
  }

  /** A number from 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }

  /** A number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + (this.next() % (high - low + 1));
  }

  /** True so many times out of 1,000. */
  chance(perMille: number): boolean {
    return this.next() % 1000 < perMille;
  }

  /** One of these. */
  pick<T>(items: readonly [T, ...T[]]): T;
  pick<T>(items: readonly T[]): T | undefined;
  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.next() % items.length];
  }

  /**
   * Another source, which depends on where this one stands and on the label. What one part of a simulation draws then
   * changes nothing of what another part draws.
   */
  fork(label: string): Random {
    let seed = this.#state;
    for (let i = 0; i < label.length; i++) seed = scramble(seed ^ label.charCodeAt(i));
    return new Random(seed >>> 0);
  }
}

/** The finaliser of MurmurHash3: every bit of the input changes about half of the output's. */
export function scramble(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
