/** What is found by its client and its timestamp. */
export interface Identified {
  readonly clientId: bigint;
  readonly timestamp: bigint;
}

/** Both numbers as halves of 32 bits: a Map with bigints as its keys takes several times as long. */
const numbers = new BigUint64Array(2);
const halves = new Uint32Array(numbers.buffer);
const low = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const high = 1 - low;

/**
 * A table by client and timestamp, for entries that come and go all the time: open addressing, linear probing, at most half full. It has
 * no bound of its own, and keeps the room that it once took. In no order: the seed changes nothing but how long things take.
 */
export class UpdateTable<T extends Identified> {
  #slots: (T | undefined)[] = vacant(64);
  #size = 0;

  /** @param seed not known to clients, who choose both numbers: they could have all entries want the same place. */
  constructor(private readonly seed: number) {}

  get size(): number {
    return this.#size;
  }

  get(clientId: bigint, timestamp: bigint): T | undefined {
    return this.#slots[this.#find(clientId, timestamp)];
  }

  /** Takes an entry; there must be none of its client and timestamp. */
  add(entry: T): void {
    if (2 * ++this.#size > this.#slots.length) this.#grow();
    this.#slots[this.#find(entry.clientId, entry.timestamp)] = entry;
  }

  /** Gives the entry up, and returns it; undefined when there is none. */
  remove(clientId: bigint, timestamp: bigint): T | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = this.#find(clientId, timestamp);
    const removed = slots[gap];
    if (removed === undefined) return undefined;
    this.#size--;
    // Whatever was put behind it because the gap was taken moves up.
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const entry = slots[at];
      if (entry === undefined) break;
      const home = this.#hash(entry.clientId, entry.timestamp) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = entry;
      gap = at;
    }
    slots[gap] = undefined;
    return removed;
  }

  /** Where the entry is, or where it would be put. */
  #find(clientId: bigint, timestamp: bigint): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = this.#hash(clientId, timestamp) & mask; ; at = (at + 1) & mask) {
      const entry = slots[at];
      if (entry === undefined || (entry.timestamp === timestamp && entry.clientId === clientId)) return at;
    }
  }

  #grow(): void {
    const entries = this.#slots;
    this.#slots = vacant(2 * entries.length);
    for (const entry of entries)
      if (entry !== undefined) this.#slots[this.#find(entry.clientId, entry.timestamp)] = entry;
  }

  /** Timestamps of one client follow each other: they shall not stand side by side. */
  #hash(clientId: bigint, timestamp: bigint): number {
    numbers[0] = clientId;
    numbers[1] = timestamp;
    let h = mix(this.seed, halves[low] as number);
    h = mix(h, halves[high] as number);
    h = mix(h, halves[2 + low] as number);
    return mix(h, halves[2 + high] as number);
  }

  /** All of them, in no order. Nothing may be added or removed meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (const entry of this.#slots) if (entry !== undefined) yield entry;
  }

  clear(): void {
    this.#slots = vacant(64);
    this.#size = 0;
  }
}

function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x85ebca6b);
  return h ^ (h >>> 15);
}

function vacant<T>(slots: number): (T | undefined)[] {
  return Array.from({ length: slots }, () => undefined);
}
