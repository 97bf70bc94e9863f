// Makes a small store on disk, and keeps what was in it after each save.
import { serialize, deserialize } from "node:v8";
import { readFile, writeFile } from "node:fs/promises";
import type { Save, Storage } from "@paxos/core";
import type { PersistentState, Snapshot, StoredRun } from "@paxos/proto";
import { classicLevelStorage } from "../src/index.js";
import { content, makeRun, makeSave, type RunFields } from "../test/builders.js";
import {
  epochRecord,
  piecesOf,
  stream,
  wholeSnapshot,
  withChecksums,
  type WholeSnapshot,
} from "../test/snapshots.js";

/** What a save has left. */
export interface SavedContent {
  readonly state: PersistentState;
  /** Those that reach above the ARU, in the order in which they were saved. */
  readonly runs: readonly StoredRun[];
  /** Where the log began and which snapshot was the latest when it was made; later they are no lower. */
  readonly firstSeq: number;
  readonly snapshotSeq: number;
}

/** All that a store may give when it is opened, whatever it has lost of its end. */
export interface Truth {
  storeId: bigint;
  /** By number, less 1. */
  readonly saves: SavedContent[];
  /** What is ordered at each seq. */
  readonly values: Map<number, string>;
  readonly snapshots: WholeSnapshot[];
  /** Those that were on their way in, at one time or another. */
  readonly incoming: WholeSnapshot[];
  /** What it is like at the end. */
  firstSeq: number;
  incomingNext: number;
}

/** Writes a store, and down what it must give. */
export class Historian {
  readonly truth: Truth = {
    storeId: 0n,
    saves: [],
    values: new Map(),
    snapshots: [],
    incoming: [],
    firstSeq: 1,
    incomingNext: 0,
  };
  #runs: RunFields[] = [];
  #aru = 0;

  constructor(private readonly directory: string) {}

  /** Opens the store, does something with it, and closes it. */
  async session(work: (storage: Storage) => Promise<void>): Promise<void> {
    const storage = classicLevelStorage({ directory: this.directory });
    this.truth.storeId = (await storage.load()).storeId;
    await work(storage);
    await storage.close();
  }

  /** Saves runs, after which everything up to `aru` is ordered. */
  async save(storage: Storage, aru: number, runs: readonly RunFields[], install?: Snapshot): Promise<void> {
    const { truth } = this;
    this.#runs.push(...runs);
    const known = Math.max(this.#aru, Number(install?.seq ?? 0n));
    for (let seq = known + 1; seq <= aru; seq++) truth.values.set(seq, this.#valueAt(seq));
    this.#aru = aru;
    this.#runs = this.#runs.filter(({ seq, count }) => seq + count > aru + 1);
    const save: Save = { ...makeSave(truth.saves.length + 1, aru, runs), ...(install && { install }) };
    await storage.save(save);
    if (install !== undefined) {
      const whole = truth.incoming.find(({ snapshot }) => snapshot.seq === install.seq);
      if (whole !== undefined) truth.snapshots.push(whole);
      truth.firstSeq = Number(install.seq) + 1;
      truth.incomingNext = 0;
    }
    truth.saves.push({
      state: save.state,
      runs: this.#runs.map(makeRun),
      firstSeq: truth.firstSeq,
      snapshotSeq: Number(truth.snapshots.at(-1)?.snapshot.seq ?? 0n),
    });
  }

  async writeSnapshot(storage: Storage, seq: number, chunks: number): Promise<void> {
    const pieces = piecesOf(`state at ${seq}`, chunks);
    const snapshot = await storage.writeSnapshot({ seq, epochRecord, chunks: stream(pieces) });
    this.truth.snapshots.push({ snapshot, chunks: withChecksums(pieces) });
  }

  /** Receives the chunks of a peer's snapshot below `next`. */
  async receive(storage: Storage, seq: number, count: number, next: number): Promise<Snapshot> {
    const pieces = piecesOf(`peer's state at ${seq}`, count);
    const whole = wholeSnapshot(seq, 99n, pieces);
    const { snapshot, chunks } = whole;
    this.truth.incoming.push(whole);
    for (const [index, chunk] of chunks.slice(0, next).entries())
      await storage.receiveChunk(snapshot, index, chunk);
    this.truth.incomingNext = next;
    return snapshot;
  }

  async compact(storage: Storage, firstSeq: number): Promise<void> {
    this.truth.firstSeq = await storage.compact(firstSeq, []);
  }

  #valueAt(seq: number): string {
    const rank = (run: RunFields) => (run.ordered === true ? Infinity : (run.view ?? 0));
    let best: RunFields | undefined;
    for (const run of this.#runs) {
      if (run.seq > seq || run.seq + run.count <= seq) continue;
      if (best === undefined || rank(run) > rank(best)) best = run;
    }
    if (best === undefined) throw new Error(`no run holds seq ${seq}`);
    return content(best, seq);
  }
}

export async function writeTruth(file: string, truth: Truth): Promise<void> {
  await writeFile(file, serialize(truth));
}

export async function readTruth(file: string): Promise<Truth> {
  return deserialize(await readFile(file)) as Truth;
}
