// The state: what the keys hold, which of them end when, and what has changed of late. Every replica has the same.
import sortedBTree from "sorted-btree";
import { History, type Change } from "./history.js";

export interface Entry {
  readonly value: string;
  /** The seq of the command that wrote it: no two writes of a key have the same, and later ones have higher ones. */
  readonly version: number;
  /** The logical time, in seconds, from which on it is gone. Absent: it stays. */
  readonly expiresAt?: number;
}

export type Entries = InstanceType<typeof sortedBTree.default<string, Entry>>;

export class Store {
  /** By key, in the order of UTF-16 code units. */
  readonly entries: Entries = new sortedBTree.default<string, Entry>();
  readonly history = new History();
  /**
   * Logical time, in seconds since 1970: what commands have said it is, and never goes back. Replicas have no clock; a key is gone when a command
   * says that its time is over, so it is gone on all of them at the same seq.
   */
  time = 0;
  /** Which keys end when. Seconds, so that there are few of them however many keys there are. */
  readonly #ends = new Map<number, Set<string>>();

  /** Whether time matters to any key. */
  get waitsForTime(): boolean {
    return this.#ends.size > 0;
  }

  set(key: string, entry: Entry): void {
    this.remove(key);
    this.entries.set(key, entry);
    if (entry.expiresAt === undefined) return;
    const those = this.#ends.get(entry.expiresAt) ?? new Set();
    this.#ends.set(entry.expiresAt, those.add(key));
  }

  /** Whether there was something. */
  remove(key: string): boolean {
    const entry = this.entries.get(key);
    if (entry === undefined) return false;
    this.entries.delete(key);
    const { expiresAt } = entry;
    const those = expiresAt === undefined ? undefined : this.#ends.get(expiresAt);
    if (expiresAt !== undefined && those?.delete(key) === true && those.size === 0)
      this.#ends.delete(expiresAt);
    return true;
  }

  /**
   * Time has come to this second; earlier ones are no news. What ends by then is removed, and told as changed: the first to end first, and by key,
   * for what a replica has restored stands in another order than what it was told.
   */
  advance(now: number): Change[] {
    this.time = Math.max(this.time, now);
    const due = [...this.#ends].filter(([second]) => second <= this.time).sort(([a], [b]) => a - b);
    const keys = due.flatMap(([, those]) => [...those].sort());
    for (const key of keys) this.remove(key);
    return keys.map((key) => ({ key, gone: "expired" }));
  }

  /** The state as it stands now, as JSON: later changes do not show in it. */
  *items(): Generator<unknown> {
    // Costs nothing: what is changed is copied when it is changed.
    const entries = this.entries.clone();
    const { time } = this;
    const revisions = this.history.all();
    yield { time, ...revisions };
    for (const [key, entry] of entries.entries()) yield [key, entry];
  }

  static async from(items: AsyncIterable<unknown>): Promise<Store> {
    const store = new Store();
    let first = true;
    for await (const item of items) {
      if (first) {
        const { time, ...revisions } = item as { time: number } & ReturnType<History["all"]>;
        store.time = time;
        store.history.restore(revisions);
      } else {
        store.set(...(item as [string, Entry]));
      }
      first = false;
    }
    return store;
  }
}
