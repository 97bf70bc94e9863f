import { Intervals, type Interval } from "./intervals.js";
import type { SaveRecord } from "./save-record.js";

/** A run that a save says it wrote. */
export interface ListedRun {
  /** The number of the save. */
  readonly save: number;
  readonly key: Uint8Array;
  readonly seal: number;
}

/** Listed runs by their keys, in the order in which they were saved; of equal keys the last one counts. */
export class ListedRuns {
  readonly #byKey = new Map<string, ListedRun>();

  add(run: ListedRun): void {
    const name = nameOf(run.key);
    this.#byKey.delete(name);
    this.#byKey.set(name, run);
  }

  /** The run listed under a key, when its seal is this one. */
  find(key: Uint8Array, seal: number): ListedRun | undefined {
    const run = this.#byKey.get(nameOf(key));
    return run?.seal === seal ? run : undefined;
  }

  values(): Iterable<ListedRun> {
    return this.#byKey.values();
  }
}

/**
 * What the records of saves say about runs: which reach above the ARU, and which seqs more than one run holds. Where a
 * single run holds a seq, its loss leaves a hole, which a reader meets. Where there are more, the loss of the one that counts
 * would make another count.
 */
export class RunSurvey {
  readonly aboveAru = new ListedRuns();
  readonly #contested = new Intervals();
  readonly #bounds: { readonly firstSeq: number; readonly aru: number };
  #end: number;

  constructor(bounds: { readonly firstSeq: number; readonly aru: number }) {
    this.#bounds = bounds;
    this.#end = bounds.firstSeq;
  }

  /** Takes the record of the next save. */
  add(save: number, record: SaveRecord): void {
    const { firstSeq, aru } = this.#bounds;
    for (let i = 0; i < record.runCount; i++) {
      const seq = record.seqOf(i);
      const from = Math.max(seq, firstSeq);
      const end = seq + record.countOf(i);
      if (end > aru + 1) this.aboveAru.add({ save, key: record.keyOf(i), seal: record.sealOf(i) });
      // All runs before end at or below this.#end; those that do not reach this one make it contested in vain.
      if (from < Math.min(end, this.#end)) this.#contested.add({ from, end: Math.min(end, this.#end) });
      this.#end = Math.max(this.#end, end);
    }
  }

  get hasContested(): boolean {
    return !this.#contested.isEmpty;
  }

  /** Whether a run, once all have been taken, holds a seq that another one holds too. May say so in vain. */
  isContested(run: Interval): boolean {
    return this.#contested.meets(run);
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
