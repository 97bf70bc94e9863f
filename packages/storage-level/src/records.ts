import { DURABLY, type BinaryLevel, type KeyRange } from "./binary-level.js";
import { viewOf } from "./bytes.js";
import { describeKey } from "./layout.js";
import { seal, unseal } from "./seal.js";
import { reason, StorageError } from "./storage-error.js";

/** The most records that a batch or a step of an iteration has. */
export const BATCH_RECORDS = 1000;

// `highWaterMarkBytes` is classic-level's: its default of 16 KiB costs a round trip through the thread pool per run.
const ITERATOR_OPTIONS = { highWaterMarkBytes: 128 * 1024 };

/** The sealed records of a database. What goes wrong becomes a StorageError that names the storage and the record. */
export class Records {
  constructor(
    readonly name: string,
    readonly db: BinaryLevel,
  ) {}

  /** A record without its seal; undefined when there is none. */
  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const sealed = await this.getSealed(key);
    return sealed === undefined ? undefined : this.unseal(key, sealed);
  }

  /** A record as it lies there; undefined when there is none. */
  async getSealed(key: Uint8Array): Promise<Uint8Array | undefined> {
    return await this.#guard(() => this.db.get(key));
  }

  /** Records as they lie there. */
  async getManySealed(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return await this.#guard(() => this.db.getMany([...keys]));
  }

  /** A record that is a number of 64 bits. */
  async getNumber(key: Uint8Array): Promise<bigint | undefined> {
    const record = await this.get(key);
    if (record === undefined) return undefined;
    if (record.length !== 8) throw this.damaged(key);
    return viewOf(record).getBigUint64(0);
  }

  unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array {
    const record = unseal(key, sealed);
    if (record === undefined) throw this.damaged(key);
    return record;
  }

  /** Keys and sealed records in the order of keys, some at a time, as they were when this was called. */
  async *entries(range: KeyRange): AsyncGenerator<[Uint8Array, Uint8Array][]> {
    const iterator = this.db.iterator({ ...range, ...ITERATOR_OPTIONS });
    try {
      for (;;) {
        const batch = await this.#guard(() => iterator.nextv(BATCH_RECORDS));
        if (batch.length === 0) return;
        yield batch;
      }
    } finally {
      await iterator.close();
    }
  }

  /** The same for keys alone. */
  async *keys(range: KeyRange): AsyncGenerator<Uint8Array[]> {
    const iterator = this.db.keys({ ...range, ...ITERATOR_OPTIONS });
    try {
      for (;;) {
        const batch = await this.#guard(() => iterator.nextv(BATCH_RECORDS));
        if (batch.length === 0) return;
        yield batch;
      }
    } finally {
      await iterator.close();
    }
  }

  /** The first key of a range. */
  async firstKey(range: KeyRange): Promise<Uint8Array | undefined> {
    return (await this.#guard(() => this.db.keys({ ...range, limit: 1 }).all()))[0];
  }

  /**
   * Makes durable what `fill` puts into a batch: all of it or nothing. Always synced, also where nothing is promised: LevelDB,
   * when it goes over to another log file, does not sync what it has written to the old one, and what was not synced
   * by then may be missing when something later is there. And so nothing whole ever follows on a torn write.
   */
  async write(fill: (batch: Batch) => void): Promise<void> {
    // A chained batch is written as one, like an array of operations, and takes a third less time per record.
    const chained = this.db.batch();
    try {
      fill({
        put: (key, record) => {
          const sealed = seal(key, record);
          chained.put(key, sealed);
          return sealed;
        },
        putAsIs: (key, value) => void chained.put(key, value),
        del: (key) => void chained.del(key),
      });
      await chained.write(DURABLY);
    } catch (error) {
      throw new StorageError(`cannot save to ${this.name}: ${reason(error)}`, { cause: error });
    } finally {
      await chained.close();
    }
  }

  /** Deletes the records of a range for which `wanted` says so, a batch at a time, while `goesOn` says so. */
  async delete(
    range: KeyRange,
    goesOn: () => boolean = () => true,
    wanted: (key: Uint8Array) => boolean = () => true,
  ): Promise<void> {
    for await (const keys of this.keys(range)) {
      const deleted = keys.filter(wanted);
      if (deleted.length > 0) await this.write(({ del }) => deleted.forEach(del));
      if (!goesOn()) return;
    }
  }

  damaged(key: Uint8Array): StorageError {
    return this.error(`the record ${describeKey(key)} is damaged. Nothing is read from it`);
  }

  /** An error that calls for another member. */
  error(what: string): StorageError {
    return new StorageError(`${this.name}: ${what}: replace this member.`);
  }

  async #guard<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw new StorageError(`cannot read ${this.name}: ${reason(error)}`, { cause: error });
    }
  }
}

/** What a batch is filled with. */
export interface Batch {
  /** Puts a record, and gives it as it is sealed. */
  readonly put: (key: Uint8Array, record: Uint8Array) => Uint8Array;
  /** Puts what is sealed already, or never is. */
  readonly putAsIs: (key: Uint8Array, value: Uint8Array) => void;
  readonly del: (key: Uint8Array) => void;
}
