import { fromBinary } from "@bufbuild/protobuf";
import type { Save } from "@paxos/core";
import { StoredRunSchema } from "@paxos/proto";
import { CheckedStorage, type OpenedState } from "./checked-storage.js";
import { MAX_RUN_UPDATES } from "./layout.js";
import { endOf, type RunRecord } from "./merge-runs.js";
import { randomStoreId } from "./store-id.js";
import { encodeStoredRun, runIdOf } from "./stored-run.js";

/**
 * Volatile storage: it forgets everything with its process. For tests, and for members that never come back. Each one
 * has a store id of its own, so that a restarted member is recognised as having lost what it promised, and
 * is refused. It grows with the log.
 */
export class MemoryStorage extends CheckedStorage {
  /** In the order of first seqs, encoded: nobody else holds their bytes. */
  #records: RunRecord[] = [];

  constructor() {
    super("memory storage");
  }

  protected open(): Promise<OpenedState> {
    return Promise.resolve({ storeId: randomStoreId(), firstSeq: 1, runs: [] });
  }

  // The state is read by `load` alone, and what was saved is never loaded again.
  protected async write({ runs }: Save): Promise<void> {
    for (const run of runs) {
      const bytes = encodeStoredRun(run);
      // A copy, since updates share memory with what they are decoded from.
      const updates = () => fromBinary(StoredRunSchema, bytes.slice()).proposal?.updates ?? [];
      this.#insert({ id: runIdOf(run), updates });
    }
  }

  protected async scan(from: number, upTo: number, take: (record: RunRecord) => boolean): Promise<void> {
    const first = this.#indexOf(Math.max(1, from - (MAX_RUN_UPDATES - 1)));
    const end = this.#indexOf(upTo + 1);
    for (const record of this.#records.slice(first, end)) {
      if (endOf(record.id) > from && !take(record)) return;
    }
  }

  protected async release(): Promise<void> {
    this.#records = [];
  }

  #insert(record: RunRecord): void {
    // Nearly always at the end, or close to it.
    this.#records.splice(this.#indexOf(record.id.seq + 1), 0, record);
  }

  /** The index of the first record whose first seq is `seq` or more. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#records[middle];
      if (record !== undefined && record.id.seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
