import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConfigError, type Save } from "@paxos/core";
import { PersistentStateSchema, type PersistentState, type StoredRun } from "@paxos/proto";
import type { AbstractChainedBatchWriteOptions, AbstractLevel } from "abstract-level";
import { CheckedStorage, type OpenedState } from "./checked-storage.js";
import {
  ascii,
  describeKey,
  FIRST_SEQ_KEY,
  FORMAT,
  FORMAT_KEY,
  lowestRunKey,
  MAX_RUN_UPDATES,
  parseRunKey,
  runKey,
  RUNS_END,
  STATE_KEY,
  STORE_ID_KEY,
  type RunId,
} from "./layout.js";
import { endOf, type RunRecord } from "./merge-runs.js";
import { seal, unseal } from "./seal.js";
import { reason, StorageError } from "./storage-error.js";
import { randomStoreId } from "./store-id.js";
import { decodeStoredRun, encodeStoredRun, runIdOf } from "./stored-run.js";

/** A database whose keys and values are bytes: made with `keyEncoding` and `valueEncoding` "view". */
export type BinaryLevel = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array>;

/** What a {@link LevelStorage} stands on. */
export interface LevelStorageOptions {
  /** The storage, for errors: its directory, say. */
  readonly name: string;
  /**
   * Makes the database; `load` calls it once, opens what it gives, and `close` closes it. The database must honour
   * `sync: true` of `batch`, or the storage is only as durable as the database is.
   */
  readonly database: () => BinaryLevel | Promise<BinaryLevel>;
}

interface Range {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

// `highWaterMarkBytes` is classic-level's: its default of 16 KiB costs a round trip through the thread pool per run.
const BATCH_RECORDS = 1000;
const ITERATOR_OPTIONS = { highWaterMarkBytes: 128 * 1024 };

// `sync` is classic-level's as well: the batch resolves when it is on disk.
const DURABLY: AbstractChainedBatchWriteOptions & { readonly sync: true } = { sync: true };

/** Storage on any abstract-level database. See layout.ts for what it writes. One handle at a time. */
export class LevelStorage extends CheckedStorage {
  readonly #makeDatabase: LevelStorageOptions["database"];
  #database: BinaryLevel | undefined;

  constructor(options: LevelStorageOptions) {
    super(options.name);
    this.#makeDatabase = options.database;
  }

  protected async open(): Promise<OpenedState> {
    const db = await this.#makeDatabase();
    try {
      await db.open();
      const opened = await this.#openRecords(db);
      this.#database = db;
      return opened;
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  protected async write({ state, runs }: Save): Promise<void> {
    // A chained batch is written as one, like an array of operations, and takes a third less time per record.
    const batch = this.#db().batch();
    try {
      const put = (key: Uint8Array, record: Uint8Array) => batch.put(key, seal(key, record));
      for (const run of runs) put(runKey(runIdOf(run)), encodeStoredRun(run));
      put(STATE_KEY, toBinary(PersistentStateSchema, state));
      await batch.write(DURABLY);
    } catch (error) {
      throw new StorageError(`cannot save to ${this.name}: ${reason(error)}`, { cause: error });
    } finally {
      await batch.close();
    }
  }

  protected async scan(from: number, upTo: number, take: (record: RunRecord) => boolean): Promise<void> {
    const db = this.#db();
    const gte = lowestRunKey(await this.#firstRunReaching(db, from));
    for await (const batch of this.#entries(db, { gte, lt: lowestRunKey(upTo + 1) })) {
      for (const [key, value] of batch) {
        const id = this.#parse(key);
        if (!take({ id, updates: () => this.#decode(key, id, value).proposal?.updates ?? [] })) return;
      }
    }
  }

  protected async release(): Promise<void> {
    await this.#database?.close();
  }

  #db(): BinaryLevel {
    if (this.#database === undefined) throw new StorageError(`${this.name} is not open`);
    return this.#database;
  }

  async #openRecords(db: BinaryLevel): Promise<OpenedState> {
    const format = await this.#guard(() => db.get(FORMAT_KEY));
    if (format === undefined) return this.#create(db);
    const version = new TextDecoder().decode(format);
    if (version !== String(FORMAT)) {
      if (!/^\d{1,9}$/.test(version)) throw this.#damaged(FORMAT_KEY);
      throw new ConfigError(
        `${this.name}: the storage has format ${version}, this version reads format ${FORMAT} only. ` +
          "Run the version that wrote it, or replace this member, with an empty directory.",
      );
    }
    const storeId = await this.#readNumber(db, STORE_ID_KEY);
    if (storeId === undefined || storeId === 0n) throw this.#damaged(STORE_ID_KEY);
    const firstSeq = Number((await this.#readNumber(db, FIRST_SEQ_KEY)) ?? 1n);
    const state = await this.#readState(db);
    const runs = await this.#readRunsAbove(db, Number(state?.localAru ?? 0n));
    if (state === undefined && runs.length > 0) throw this.#damaged(STATE_KEY);
    return { storeId, firstSeq, runs, ...(state && { state }) };
  }

  async #create(db: BinaryLevel): Promise<OpenedState> {
    if ((await db.keys({ limit: 1 }).all()).length > 0) {
      throw new ConfigError(
        `${this.name}: the database there is not a storage of this program. Use an empty directory.`,
      );
    }
    const storeId = randomStoreId();
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, storeId);
    const batch = db
      .batch()
      .put(FORMAT_KEY, ascii(String(FORMAT)))
      .put(STORE_ID_KEY, seal(STORE_ID_KEY, value));
    await batch.write(DURABLY);
    return { storeId, firstSeq: 1, runs: [] };
  }

  async #readRecord(db: BinaryLevel, key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#guard(() => db.get(key));
    if (value === undefined) return undefined;
    const record = unseal(key, value);
    if (record === undefined) throw this.#damaged(key);
    return record;
  }

  async #readNumber(db: BinaryLevel, key: Uint8Array): Promise<bigint | undefined> {
    const record = await this.#readRecord(db, key);
    if (record === undefined) return undefined;
    if (record.length !== 8) throw this.#damaged(key);
    return new DataView(record.buffer, record.byteOffset, 8).getBigUint64(0);
  }

  async #readState(db: BinaryLevel): Promise<PersistentState | undefined> {
    const record = await this.#readRecord(db, STATE_KEY);
    if (record === undefined) return undefined;
    try {
      const state = fromBinary(PersistentStateSchema, record);
      if (state.formatVersion === FORMAT) return state;
    } catch {
      // Damaged, as below.
    }
    throw this.#damaged(STATE_KEY);
  }

  async #readRunsAbove(db: BinaryLevel, aru: number): Promise<StoredRun[]> {
    const runs: StoredRun[] = [];
    const gte = lowestRunKey(await this.#firstRunReaching(db, aru + 1));
    for await (const batch of this.#entries(db, { gte, lt: RUNS_END })) {
      for (const [key, value] of batch) {
        const id = this.#parse(key);
        if (endOf(id) > aru + 1) runs.push(this.#decode(key, id, value));
      }
    }
    return runs;
  }

  /** The lowest first seq of the runs that begin at or below `seq` and reach it, found by their keys alone. */
  async #firstRunReaching(db: BinaryLevel, seq: number): Promise<number> {
    const gte = lowestRunKey(Math.max(1, seq - (MAX_RUN_UPDATES - 1)));
    for (const key of await this.#guard(() => db.keys({ gte, lt: lowestRunKey(seq) }).all())) {
      const id = this.#parse(key);
      if (endOf(id) > seq) return id.seq;
    }
    return seq;
  }

  async *#entries(db: BinaryLevel, range: Range): AsyncGenerator<[Uint8Array, Uint8Array][]> {
    const iterator = db.iterator({ ...range, ...ITERATOR_OPTIONS });
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

  async #guard<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw new StorageError(`cannot read ${this.name}: ${reason(error)}`, { cause: error });
    }
  }

  #parse(key: Uint8Array): RunId {
    const id = parseRunKey(key);
    if (id === undefined) throw this.#damaged(key);
    return id;
  }

  #decode(key: Uint8Array, id: RunId, value: Uint8Array): StoredRun {
    const bytes = unseal(key, value);
    const run = bytes && decodeStoredRun(id, bytes);
    if (run === undefined) throw this.#damaged(key);
    return run;
  }

  #damaged(key: Uint8Array): StorageError {
    return new StorageError(
      `${this.name}: the record ${describeKey(key)} is damaged. Nothing is read from it: replace this member.`,
    );
  }
}
