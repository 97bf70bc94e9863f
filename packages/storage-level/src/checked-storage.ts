import {
  InvariantError,
  type ChunkData,
  type Save,
  type SnapshotDraft,
  type SnapshotId,
  type Storage,
  type StoredState,
  type StoredUpdates,
} from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import { MESSAGE_FORMAT } from "./layout.js";
import { RunMerger } from "./merge-runs.js";
import type { RecordStore } from "./record-store.js";
import { Snapshots } from "./snapshots.js";
import { StorageError } from "./storage-error.js";
import { runIdOf } from "./stored-run.js";
import { Writes } from "./writes.js";

/**
 * What all storages have in common: they hold their caller to the contract of the port, and merge the runs
 * that they read. A {@link RecordStore} says where the records are.
 */
export abstract class CheckedStorage implements Storage, AsyncDisposable {
  /** The storage, for errors: a directory, say. */
  readonly name: string;

  readonly #records: RecordStore;
  readonly #writes = new Writes();
  readonly #snapshots: Snapshots;
  readonly #underWay = new Set<Promise<unknown>>();
  #phase: "new" | "loading" | "open" | "closed" = "new";
  #firstSeq = 1;
  #lastSave = 0;
  #durableAru = 0;
  #saving = false;
  #compacting = false;
  #firstSeqTurn: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  protected constructor(name: string, records: RecordStore) {
    this.name = name;
    this.#records = records;
    this.#snapshots = new Snapshots({
      name,
      records,
      writes: this.#writes,
      durableAru: () => this.#durableAru,
    });
  }

  /** See {@link Storage.load}. Called a second time, it rejects with an InvariantError. */
  async load(): Promise<StoredState> {
    if (this.#phase === "closed") throw this.#closedError();
    if (this.#phase !== "new") throw this.#broken("load was called twice");
    this.#phase = "loading";
    const opened = await this.#track(this.#records.open());
    this.#firstSeq = opened.firstSeq;
    this.#lastSave = Number(opened.state?.saveNumber ?? 0n);
    this.#durableAru = Number(opened.state?.localAru ?? 0n);
    this.#snapshots.begin(opened);
    if (this.#phase === "loading") this.#phase = "open";
    const { incoming, ...stored } = opened;
    if (incoming === undefined) return stored;
    return { ...stored, incoming: { snapshot: incoming.snapshot, next: incoming.next } };
  }

  /**
   * See {@link Storage.save}. Rejects with an InvariantError for a save that is out of order or cannot be
   * held, with a StorageError when writing fails; and after either, always with that same error.
   */
  async save(save: Save): Promise<void> {
    this.#requireOpen("save");
    await this.#writes.do(async () => {
      this.#check(save);
      if (save.install !== undefined) this.#snapshots.beginInstall(save.install);
      this.#saving = true;
      const written =
        save.install === undefined ? this.#records.write(save) : this.#install(save, save.install);
      await this.#track(written).finally(() => (this.#saving = false));
    });
    this.#lastSave = save.number;
    this.#durableAru = Number(save.state.localAru);
    if (save.install !== undefined) this.#snapshots.finishInstall();
  }

  /**
   * See {@link Storage.read}. An update counts towards `maxBytes` with the bytes that it takes in a message:
   * its own, its tag and its length. When `from` is below `firstSeq`, the answer is empty. Rejects with a
   * StorageError when a seq is missing or a record is damaged.
   */
  async read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates> {
    this.#requireOpen("read");
    if (!Number.isSafeInteger(from) || from < 1 || upTo > this.#durableAru) {
      throw this.#broken(`read from ${from} to ${upTo}, allowed is 1 to ${this.#durableAru}`);
    }
    let updates: readonly Uint8Array[] = [];
    try {
      if (from >= this.#firstSeq) updates = await this.#track(this.#merge(from, upTo, maxBytes));
    } catch (error) {
      if (from >= this.#firstSeq) throw error;
    }
    // What was to be read may have been dropped meanwhile: the runs that count first, and others not yet.
    return { seq: from, updates: from < this.#firstSeq ? [] : updates, firstSeq: this.#firstSeq };
  }

  /**
   * See {@link Storage.writeSnapshot}. Chunks of more than 8 MiB are refused with an InvariantError, like a snapshot that
   * breaks the contract; without chunks, an empty one is written. When the storage closes meanwhile, it rejects.
   */
  async writeSnapshot(draft: SnapshotDraft): Promise<Snapshot> {
    this.#requireOpen("writeSnapshot");
    return await this.#track(this.#snapshots.write(draft));
  }

  /** See {@link Storage.readChunk}. Rejects with a StorageError when the chunk is damaged, or missing. */
  async readChunk(snapshot: SnapshotId, index: number): Promise<ChunkData | undefined> {
    this.#requireOpen("readChunk");
    return await this.#track(this.#snapshots.readChunk(snapshot, index));
  }

  /**
   * See {@link Storage.receiveChunk}. A chunk other than 0 of a snapshot that is not the one under way changes nothing, and
   * resolves with 0. When the last chunk shows that they do not add up to what the snapshot says of itself, all of
   * them are dropped, and it resolves with 0. So it does for a snapshot that is not above the latest.
   */
  async receiveChunk(snapshot: Snapshot, index: number, chunk: ChunkData): Promise<number> {
    this.#requireOpen("receiveChunk");
    return await this.#track(this.#snapshots.receiveChunk(snapshot, index, chunk));
  }

  /**
   * See {@link Storage.compact}. A `firstSeq` at or below the one held drops nothing of the log but what an earlier call has
   * left. When the storage closes meanwhile, it ends early.
   */
  async compact(firstSeq: number, keep: readonly SnapshotId[]): Promise<number> {
    this.#requireOpen("compact");
    if (this.#compacting) throw this.#broken("compact came while another was under way");
    const { latestSeq } = this.#snapshots;
    if (!Number.isSafeInteger(firstSeq) || firstSeq > latestSeq + 1) {
      throw this.#broken(
        `the log is to begin at seq ${firstSeq}, and the latest snapshot is of seq ${latestSeq}`,
      );
    }
    this.#compacting = true;
    return await this.#track(this.#compact(firstSeq, keep)).finally(() => (this.#compacting = false));
  }

  /** See {@link Storage.close}. Waits for everything under way. */
  close(): Promise<void> {
    this.#closing ??= this.#closeOnce();
    return this.#closing;
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #merge(from: number, upTo: number, maxBytes: number): Promise<readonly Uint8Array[]> {
    if (from > upTo) return [];
    const merger = new RunMerger({ from, upTo, maxBytes, name: this.name });
    await this.#records.scan(from, upTo, (record) => merger.add(record));
    return merger.finish();
  }

  #install(save: Save, { seq }: Snapshot): Promise<void> {
    return this.#inTurn(async () => {
      await this.#records.write(save);
      this.#firstSeq = Number(seq) + 1;
    });
  }

  async #compact(firstSeq: number, keep: readonly SnapshotId[]): Promise<number> {
    const goesOn = (): boolean => this.#phase === "open";
    // One that is installed meanwhile makes no other one superfluous: its caller did not know of it.
    const others = this.#snapshots.othersThan(keep);
    await this.#inTurn(async () => {
      if (firstSeq <= this.#firstSeq) return;
      // Before anything is dropped: or there would be a hole where the log still claims to be.
      await this.#writes.do(() => this.#records.putFirstSeq(firstSeq));
      this.#firstSeq = firstSeq;
    });
    await this.#writes.do(() => this.#records.dropLog(this.#firstSeq, goesOn));
    await this.#snapshots.drop(others, goesOn);
    return this.#firstSeq;
  }

  /** Two writers of the first seq, an installation and a compaction, write it one after the other. */
  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#firstSeqTurn.then(write);
    this.#firstSeqTurn = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async #closeOnce(): Promise<void> {
    const opened = this.#phase !== "new";
    this.#phase = "closed";
    this.#snapshots.stop(this.#closedError());
    await Promise.allSettled(this.#underWay);
    if (opened) await this.#records.release();
  }

  #check({ number, state, runs, install }: Save): void {
    if (this.#saving) throw this.#broken(`save ${number} came while another was under way`);
    const expected = this.#lastSave + 1;
    if (number !== expected || state.saveNumber !== BigInt(number)) {
      throw this.#broken(
        `save ${number} with state.saveNumber ${state.saveNumber}, both must be ${expected}`,
      );
    }
    if (state.formatVersion !== MESSAGE_FORMAT) {
      throw this.#broken(`a state to be saved needs format version ${MESSAGE_FORMAT}`);
    }
    const lowestAru = Math.max(this.#durableAru, Number(install?.seq ?? 0n));
    if (state.localAru < BigInt(lowestAru)) {
      throw this.#broken(
        `save ${number} with state.localAru ${state.localAru}, at least ${lowestAru} is needed`,
      );
    }
    runs.forEach(runIdOf);
  }

  #requireOpen(what: string): void {
    if (this.#phase === "closed") throw this.#closedError();
    if (this.#phase !== "open") throw this.#broken(`${what} before load has resolved`);
  }

  #closedError(): StorageError {
    return new StorageError(`${this.name} is closed`);
  }

  #broken(what: string): InvariantError {
    return new InvariantError(`${this.name}: ${what}`);
  }

  async #track<T>(operation: Promise<T>): Promise<T> {
    this.#underWay.add(operation);
    try {
      return await operation;
    } finally {
      this.#underWay.delete(operation);
    }
  }
}
