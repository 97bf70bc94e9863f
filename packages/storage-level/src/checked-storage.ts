import { InvariantError, type Save, type Storage, type StoredState, type StoredUpdates } from "@paxos/core";
import { FORMAT } from "./layout.js";
import { RunMerger, type RunRecord } from "./merge-runs.js";
import { StorageError } from "./storage-error.js";
import { runIdOf } from "./stored-run.js";

/** What an adapter finds when it opens. */
export interface OpenedState extends StoredState {
  /** The first seq still held. */
  readonly firstSeq: number;
}

/**
 * What all storages have in common: they hold their caller to the contract of the port, and merge the runs
 * that they read. An adapter adds where the records are.
 */
export abstract class CheckedStorage implements Storage, AsyncDisposable {
  /** The storage, for errors: a directory, say. */
  readonly name: string;

  readonly #underWay = new Set<Promise<unknown>>();
  #phase: "new" | "loading" | "open" | "closed" = "new";
  #firstSeq = 1;
  #lastSave = 0;
  #durableAru = 0;
  #saving = false;
  #failure: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  protected constructor(name: string) {
    this.name = name;
  }

  /** Opens, making what is missing. Releases everything again when it rejects. */
  protected abstract open(): Promise<OpenedState>;
  /** Makes the state and the runs of a save durable, both or neither. */
  protected abstract write(save: Save): Promise<void>;
  /** Gives every run that reaches from `from` up to `upTo`, in the order of first seqs, until `take` returns false. */
  protected abstract scan(from: number, upTo: number, take: (record: RunRecord) => boolean): Promise<void>;
  /** Releases what `open` has taken. Called once, with nothing else under way. */
  protected abstract release(): Promise<void>;

  /** See {@link Storage.load}. Called a second time, it rejects with an InvariantError. */
  async load(): Promise<StoredState> {
    if (this.#phase === "closed") throw this.#closedError();
    if (this.#phase !== "new") throw new InvariantError(`${this.name}: load was called twice`);
    this.#phase = "loading";
    const { firstSeq, ...stored } = await this.#track(this.open());
    this.#firstSeq = firstSeq;
    this.#lastSave = Number(stored.state?.saveNumber ?? 0n);
    this.#durableAru = Number(stored.state?.localAru ?? 0n);
    if (this.#phase === "loading") this.#phase = "open";
    return stored;
  }

  /**
   * See {@link Storage.save}. Rejects with an InvariantError for a save that is out of order or cannot be
   * held, with a StorageError when writing fails; and after either, always with that same error.
   */
  async save(save: Save): Promise<void> {
    this.#requireOpen("save");
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      this.#check(save);
      this.#saving = true;
      await this.#track(this.write(save));
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#saving = false;
    }
    this.#lastSave = save.number;
    this.#durableAru = Number(save.state.localAru);
  }

  /**
   * See {@link Storage.read}. An update counts towards `maxBytes` with the bytes that it takes in a message:
   * its own, its tag and its length. When `from` is below `firstSeq`, the answer is empty. Rejects with a
   * StorageError when a seq is missing or a record is damaged.
   */
  async read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates> {
    this.#requireOpen("read");
    if (!Number.isSafeInteger(from) || from < 1 || upTo > this.#durableAru) {
      throw new InvariantError(
        `${this.name}: read from ${from} to ${upTo}, allowed is 1 to ${this.#durableAru}`,
      );
    }
    const firstSeq = this.#firstSeq;
    if (from < firstSeq || from > upTo) return { seq: from, updates: [], firstSeq };
    const merger = new RunMerger({ from, upTo, maxBytes, name: this.name });
    await this.#track(this.scan(from, upTo, (record) => merger.add(record)));
    return { seq: from, updates: merger.finish(), firstSeq };
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

  async #closeOnce(): Promise<void> {
    const opened = this.#phase !== "new";
    this.#phase = "closed";
    await Promise.allSettled(this.#underWay);
    if (opened) await this.release();
  }

  #check({ number, state, runs }: Save): void {
    if (this.#saving)
      throw new InvariantError(`${this.name}: save ${number} came while another was under way`);
    const expected = this.#lastSave + 1;
    if (number !== expected || state.saveNumber !== BigInt(number)) {
      throw new InvariantError(
        `${this.name}: save ${number} with state.saveNumber ${state.saveNumber}, both must be ${expected}`,
      );
    }
    if (state.formatVersion !== FORMAT) {
      throw new InvariantError(`${this.name}: a state to be saved needs format version ${FORMAT}`);
    }
    runs.forEach(runIdOf);
  }

  #requireOpen(what: string): void {
    if (this.#phase === "closed") throw this.#closedError();
    if (this.#phase !== "open") throw new InvariantError(`${this.name}: ${what} before load has resolved`);
  }

  #closedError(): StorageError {
    return new StorageError(`${this.name} is closed`);
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
