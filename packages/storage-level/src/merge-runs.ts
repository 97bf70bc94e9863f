import type { RunId } from "./layout.js";
import { StorageError } from "./storage-error.js";

/** A run as it stands in storage. */
export interface RunRecord {
  readonly id: RunId;
  /** Decodes its updates. Called once at most, and only when some of them are wanted. */
  updates(): readonly Uint8Array[];
}

/** What to merge, and how. */
export interface MergeOptions {
  /** The first seq wanted. */
  readonly from: number;
  /** The last seq wanted. */
  readonly upTo: number;
  /** See {@link encodedSize}; at least one update is taken. */
  readonly maxBytes: number;
  /** The storage, for errors. */
  readonly name: string;
}

/** The seq after the last one that a run covers. */
export function endOf(id: RunId): number {
  return id.seq + id.count;
}

/** The bytes that an update takes in a message that carries it: its own, its tag and its length. */
export function encodedSize(update: Uint8Array): number {
  let size = update.length + 2;
  for (let rest = update.length >>> 7; rest > 0; rest >>>= 7) size++;
  return size;
}

// An ordered run counts before all others, then the one of the higher ballot.
function outranks(a: RunId, b: RunId): boolean {
  if (a.ordered !== b.ordered) return a.ordered;
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.view > b.view;
}

/**
 * Merges overlapping runs into one sequence of updates: a sweep over the runs in the order of their first
 * seqs, which keeps those that reach the seq in hand and takes each seq from the one that counts.
 */
export class RunMerger {
  readonly #options: MergeOptions;
  readonly #updates: Uint8Array[] = [];
  /** Runs that have begun and not ended, with their updates once they have been needed. */
  #open: { readonly record: RunRecord; updates?: readonly Uint8Array[] }[] = [];
  #next: number;
  #bytes = 0;
  #full = false;

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#next = options.from;
  }

  /** Takes the next run. Returns false when no further one is needed. */
  add(record: RunRecord): boolean {
    if (endOf(record.id) > this.#next) {
      // Only the runs already open can cover what is below the first seq of this one.
      this.#emitBelow(Math.min(record.id.seq, this.#options.upTo + 1));
      this.#open.push({ record });
    }
    return !this.#full && this.#next <= this.#options.upTo;
  }

  /** The updates, once all runs have been added or `add` has returned false. */
  finish(): Uint8Array[] {
    this.#emitBelow(this.#options.upTo + 1);
    return this.#updates;
  }

  #emitBelow(end: number): void {
    while (this.#next < end && !this.#full) {
      this.#open = this.#open.filter(({ record }) => endOf(record.id) > this.#next);
      let best = this.#open[0];
      for (const run of this.#open)
        if (best !== undefined && outranks(run.record.id, best.record.id)) best = run;
      if (best === undefined) {
        throw new StorageError(
          `${this.#options.name}: no record holds seq ${this.#next}, though everything up to seq ${this.#options.upTo} ` +
            "was saved as ordered. The storage is damaged: replace this member.",
        );
      }
      best.updates ??= best.record.updates();
      this.#take(best.updates, best.record.id.seq, Math.min(endOf(best.record.id), end));
    }
  }

  #take(updates: readonly Uint8Array[], seq: number, end: number): void {
    for (const update of updates.slice(this.#next - seq, end - seq)) {
      const size = encodedSize(update);
      if (this.#updates.length > 0 && this.#bytes + size > this.#options.maxBytes) {
        this.#full = true;
        return;
      }
      this.#updates.push(update);
      this.#bytes += size;
      this.#next++;
    }
  }
}
