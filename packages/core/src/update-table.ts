/** What is found by its client and its timestamp. */
export interface Identified {
  readonly clientId: bigint;
  readonly timestamp: bigint;
}

/** Both numbers as halves of 32 bits: a Map with bigints as its keys takes several times as long. */
const numbers = new BigUint64Array(2);
const halves = new Uint32Array(numbers.buffer);

/**
 * A table by client and timestamp, for entries that come and go all the time: open addressing, linear probing, at most half full. It has
 * no bound of its own, and keeps the room that it once took.
 */
export class UpdateTable<T extends Identified> {
  #slots: (T | undefined)[] = vacant(64);
  #size = 0;

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
      const home = hash(entry.clientId, entry.timestamp) & mask;
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
    for (let at = hash(clientId, timestamp) & mask; ; at = (at + 1) & mask) {
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
}

function vacant<T>(slots: number): (T | undefined)[] {
  return Array.from({ length: slots }, () => undefined);
}

/** The same on every platform. Timestamps of one client follow each other: they shall not stand side by side. */
function hash(clientId: bigint, timestamp: bigint): number {
  numbers[0] = clientId;
  numbers[1] = timestamp;
  // Which half comes first depends on the platform, so they are taken alike.
  let h = ((halves[0] as number) ^ (halves[1] as number)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = (h ^ (halves[2] as number) ^ (halves[3] as number)) | 0;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
