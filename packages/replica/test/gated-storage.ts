import type {
  ChunkData,
  Save,
  SnapshotDraft,
  SnapshotId,
  Storage,
  StoredState,
  StoredUpdates,
} from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import { MemoryStorage } from "@paxos/storage-level";

/** Storage whose saves the test holds back, releases, or makes fail. */
export class GatedStorage implements Storage {
  readonly #storage: Storage;
  /** Every save that was begun. */
  readonly begun: Save[] = [];
  /** Those that have become durable. */
  readonly done = new Set<Save>();
  closed = false;
  #failure: Error | undefined;
  #release: (() => void) | undefined;
  #open: Promise<void> = Promise.resolve();

  constructor(storage: Storage = new MemoryStorage()) {
    this.#storage = storage;
  }

  /** From now on saves are begun but do not end. */
  hold(): void {
    if (this.#release !== undefined) return;
    this.#open = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Lets saves end, that under way too. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
  }

  /** Every save that has not ended rejects with this error. */
  fail(error: Error): void {
    this.#failure = error;
    this.release();
  }

  /** How many saves are under way. */
  get underWay(): number {
    return this.begun.length - this.done.size;
  }

  load(): Promise<StoredState> {
    return this.#storage.load();
  }

  async save(save: Save): Promise<void> {
    this.begun.push(save);
    await this.#open;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#storage.save(save);
    this.done.add(save);
  }

  read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates> {
    return this.#storage.read(from, upTo, maxBytes);
  }

  writeSnapshot(draft: SnapshotDraft): Promise<Snapshot> {
    return this.#storage.writeSnapshot(draft);
  }

  readChunk(snapshot: SnapshotId, index: number): Promise<ChunkData | undefined> {
    return this.#storage.readChunk(snapshot, index);
  }

  receiveChunk(snapshot: Snapshot, index: number, chunk: ChunkData): Promise<number> {
    return this.#storage.receiveChunk(snapshot, index, chunk);
  }

  compact(firstSeq: number, keep: readonly SnapshotId[]): Promise<number> {
    return this.#storage.compact(firstSeq, keep);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#storage.close();
  }
}
