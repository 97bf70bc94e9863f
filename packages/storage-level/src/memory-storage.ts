import type { ChunkData, Save, SnapshotId } from "@paxos/core";
import { decodeStoredRun, encodeStoredRun } from "@paxos/proto";
import { CheckedStorage } from "./checked-storage.js";
import { MAX_RUN_UPDATES } from "./layout.js";
import { endOf, type RunRecord } from "./merge-runs.js";
import type { OpenedState, RecordStore } from "./record-store.js";
import { randomStoreId } from "./store-id.js";
import { runIdOf } from "./stored-run.js";

/**
 * Volatile storage: it forgets everything with its process. For tests, and for members that never come back. Each one
 * has a store id of its own, so that a restarted member is recognised as having lost what it promised, and
 * is refused. It grows with the log, until that is compacted.
 */
export class MemoryStorage extends CheckedStorage {
  constructor() {
    super("memory storage", new MemoryRecords());
  }
}

// What is read by `load` alone is not kept: what was saved is never loaded again.
class MemoryRecords implements RecordStore {
  /** In the order of first seqs, encoded: nobody else holds their bytes. */
  #records: RunRecord[] = [];
  readonly #chunks = new Map<string, ChunkData[]>();

  async open(): Promise<OpenedState> {
    return { storeId: randomStoreId(), firstSeq: 1, runs: [], snapshots: [] };
  }

  async write({ runs }: Save): Promise<void> {
    for (const run of runs) {
      const bytes = encodeStoredRun(run);
      // A copy, since updates share memory with what they are decoded from.
      const updates = () => decodeStoredRun(bytes.slice()).proposal?.updates ?? [];
      this.#insert({ id: runIdOf(run), updates });
    }
  }

  async scan(from: number, upTo: number, take: (record: RunRecord) => boolean): Promise<void> {
    const first = this.#indexOf(Math.max(1, from - (MAX_RUN_UPDATES - 1)));
    const end = this.#indexOf(upTo + 1);
    for (const record of this.#records.slice(first, end)) {
      if (endOf(record.id) > from && !take(record)) return;
    }
  }

  async putChunk(id: SnapshotId, index: number, chunk: ChunkData): Promise<void> {
    const chunks = this.#chunks.get(nameOf(id)) ?? [];
    chunks[index] = copyOf(chunk);
    this.#chunks.set(nameOf(id), chunks);
  }

  async getChunk(id: SnapshotId, index: number): Promise<ChunkData | undefined> {
    const chunk = this.#chunks.get(nameOf(id))?.[index];
    return chunk && copyOf(chunk);
  }

  async putSnapshot(): Promise<void> {}
  async putFirstSeq(): Promise<void> {}
  async dropProgress(): Promise<void> {}
  async dropSnapshot(): Promise<void> {}

  async dropChunks(id: SnapshotId): Promise<void> {
    this.#chunks.delete(nameOf(id));
  }

  async dropLog(firstSeq: number): Promise<void> {
    const end = this.#indexOf(firstSeq);
    const kept = this.#records.slice(0, end).filter(({ id }) => endOf(id) > firstSeq);
    this.#records.splice(0, end, ...kept);
  }

  async release(): Promise<void> {
    this.#records = [];
    this.#chunks.clear();
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

function nameOf({ seq, origin }: SnapshotId): string {
  return `${seq} ${origin}`;
}

function copyOf({ data, checksum }: ChunkData): ChunkData {
  return { data: Uint8Array.from(data), checksum };
}
