import type { ChunkData, Save, SnapshotId } from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import { u64 } from "./bytes.js";
import { dropLog } from "./drop-log.js";
import { identifyStore } from "./identify-store.js";
import { chunkKey, chunksEnd, FIRST_SEQ_KEY, INCOMING_KEY, lowestRunKey, snapshotKey } from "./layout.js";
import type { LevelStorageOptions } from "./level-storage-options.js";
import { loadStore } from "./load-store.js";
import type { RunRecord } from "./merge-runs.js";
import { newTip, putSave, sealSnapshot, type Tip } from "./put-save.js";
import type { Receiving } from "./reception.js";
import type { OpenedState, RecordStore } from "./record-store.js";
import { Records } from "./records.js";
import { decodeRun, firstRunReaching, parseRun } from "./run-records.js";
import type { SealedSnapshotId } from "./save-record.js";
import { decodeChunk, encodeChunk, encodeProgress, encodeSnapshot } from "./snapshot-records.js";
import { StorageError } from "./storage-error.js";

/** The records of a storage in an abstract-level database. See layout.ts for what they are. */
export class LevelRecords implements RecordStore {
  readonly #options: LevelStorageOptions;
  #opened: Records | undefined;
  #tip: Tip = newTip;

  constructor(options: LevelStorageOptions) {
    this.#options = options;
  }

  async open(): Promise<OpenedState> {
    const { name, database, marker } = this.#options;
    const db = await database();
    try {
      await db.open();
      const records = new Records(name, db);
      const storeId = await identifyStore(records, marker);
      const { opened, tip } = await loadStore(records);
      this.#tip = tip;
      this.#opened = records;
      return { storeId, ...opened };
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  async write(save: Save): Promise<void> {
    const before = this.#tip;
    let after = before;
    await this.#records().write((batch) => (after = putSave(batch, save, before)));
    const { number, chain, firstSeq, snapshot } = after;
    // Snapshots may have been written meanwhile, and the log may have been compacted.
    this.#tip = { ...this.#tip, number, chain };
    if (save.install !== undefined) this.#advance(firstSeq, snapshot);
  }

  async scan(from: number, upTo: number, take: (record: RunRecord) => boolean): Promise<void> {
    const records = this.#records();
    const first = (await firstRunReaching(records, from)) ?? from;
    for await (const entries of records.entries({ gte: lowestRunKey(first), lt: lowestRunKey(upTo + 1) })) {
      for (const [key, sealed] of entries) {
        const id = parseRun(records, key);
        const updates = () => decodeRun(records, key, id, sealed).proposal?.updates ?? [];
        if (!take({ id, updates })) return;
      }
    }
  }

  async putChunk(id: SnapshotId, index: number, chunk: ChunkData, progress?: Receiving): Promise<void> {
    await this.#records().write(({ put }) => {
      put(chunkKey(id, index), encodeChunk(chunk));
      if (progress !== undefined) put(INCOMING_KEY, encodeProgress(progress));
    });
  }

  async getChunk(id: SnapshotId, index: number): Promise<ChunkData | undefined> {
    const records = this.#records();
    const record = await records.get(chunkKey(id, index));
    if (record === undefined) return undefined;
    const chunk = decodeChunk(record);
    if (chunk === undefined) throw records.damaged(chunkKey(id, index));
    return chunk;
  }

  async putSnapshot(snapshot: Snapshot): Promise<void> {
    await this.#records().write(({ put }) => put(snapshotKey(snapshot), encodeSnapshot(snapshot)));
    this.#advance(this.#tip.firstSeq, sealSnapshot(snapshot));
  }

  async putFirstSeq(firstSeq: number): Promise<void> {
    await this.#records().write(({ put }) => put(FIRST_SEQ_KEY, u64(firstSeq)));
    this.#advance(firstSeq, undefined);
  }

  async dropProgress(): Promise<void> {
    await this.#records().write(({ del }) => del(INCOMING_KEY));
  }

  async dropSnapshot(id: SnapshotId): Promise<void> {
    await this.#records().write(({ del }) => del(snapshotKey(id)));
  }

  async dropChunks(id: SnapshotId, goesOn: () => boolean): Promise<void> {
    await this.#records().delete({ gte: chunkKey(id, 0), lt: chunksEnd(id) }, goesOn);
  }

  async dropLog(firstSeq: number, goesOn: () => boolean): Promise<void> {
    await dropLog(this.#records(), { firstSeq, lastSave: this.#tip.number, goesOn });
  }

  async release(): Promise<void> {
    await this.#opened?.db.close();
  }

  #records(): Records {
    if (this.#opened === undefined) throw new StorageError(`${this.#options.name} is not open`);
    return this.#opened;
  }

  /** From now on saves say that the log begins here, and which snapshot is the latest. */
  #advance(firstSeq: number, snapshot: SealedSnapshotId | undefined): void {
    const isLatest = snapshot !== undefined && snapshot.seq > (this.#tip.snapshot?.seq ?? 0n);
    this.#tip = { ...this.#tip, firstSeq, snapshot: isLatest ? snapshot : this.#tip.snapshot };
  }
}
