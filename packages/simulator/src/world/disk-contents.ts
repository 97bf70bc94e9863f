import type { StoredState, StoredUpdates } from "@paxos/core";
import { PersistentStateSchema, StoredRunSchema, type PersistentState, type StoredRun } from "@paxos/proto";
import { ballotOf } from "../checkers/epochs.js";
import { damaged, read, type Record } from "./damage.js";
import { DiskSnapshots } from "./disk-snapshots.js";
import { copy, type SavedContent } from "./frames.js";

interface Value extends Record {
  readonly rank: number;
}

/** Everything that is durable on a disk. */
export class DiskContents {
  /** The first seq of the log. */
  firstSeq = 1;
  snapshots = new DiskSnapshots();
  #state: PersistentState | undefined;
  #runs: StoredRun[] = [];
  /** The value that counts at each seq. */
  #values = new Map<number, Value>();

  constructor(readonly storeId: bigint) {}

  get state(): PersistentState | undefined {
    return this.#state;
  }

  get aru(): number {
    return Number(this.#state?.localAru ?? 0n);
  }

  /** What is there when a node starts. @throws DamagedRecord */
  load(): StoredState {
    const { aru, firstSeq, storeId } = this;
    for (const run of this.#runs) this.#check(run);
    const runs = this.#runs.filter((run) => endOf(run) > aru).map((run) => copy(StoredRunSchema, run));
    const { held, incoming } = this.snapshots;
    return {
      storeId,
      runs,
      ...(this.#state && { state: copy(PersistentStateSchema, this.#state) }),
      ...(held.length > 0 && { snapshots: held }),
      ...(incoming && { incoming }),
      ...(firstSeq > 1 && { firstSeq }),
    };
  }

  /** A save, all of it. */
  take({ state, runs, install }: SavedContent): void {
    for (const run of runs) this.#index(run);
    if (install !== undefined) {
      this.snapshots.install();
      this.dropBelow(Number(install.seq) + 1);
    }
    this.#state = state;
    // `load` gives only what reaches above the ARU.
    const { aru } = this;
    if (this.#runs.length > 256) this.#runs = this.#runs.filter((run) => endOf(run) > aru);
  }

  /** @throws DamagedRecord */
  read(from: number, upTo: number, maxBytes: number): StoredUpdates {
    const { firstSeq } = this;
    const updates: Uint8Array[] = [];
    let bytes = 0;
    for (let seq = from; seq <= upTo && from >= firstSeq; seq++) {
      const value = this.#values.get(seq);
      if (value === undefined || (updates.length > 0 && bytes + value.bytes.length > maxBytes)) break;
      updates.push(read(value, `seq ${seq}`));
      bytes += value.bytes.length;
    }
    return { seq: from, updates, firstSeq };
  }

  /** Drops the log below. */
  dropBelow(firstSeq: number): void {
    for (let seq = this.firstSeq; seq < firstSeq; seq++) this.#values.delete(seq);
    this.firstSeq = Math.max(this.firstSeq, firstSeq);
    this.#runs = this.#runs.filter((run) => endOf(run) >= this.firstSeq);
  }

  /** Damages a record, which may be a chunk or an update. Returns whether there is anything. */
  damage(draw: number): boolean {
    if (draw % 3 === 0 && this.snapshots.damage(draw >>> 2)) return true;
    const seqs = [...this.#values.keys()];
    const seq = seqs[(draw >>> 2) % Math.max(1, seqs.length)];
    const value = seq === undefined ? undefined : this.#values.get(seq);
    if (seq === undefined || value === undefined || value.bytes.length === 0) return false;
    this.#values.set(seq, { ...value, ...damaged(value, draw >>> 8) });
    return true;
  }

  clone(): DiskContents {
    const clone = new DiskContents(this.storeId);
    clone.firstSeq = this.firstSeq;
    clone.snapshots = this.snapshots.clone();
    clone.#state = this.#state;
    clone.#runs = [...this.#runs];
    clone.#values = new Map(this.#values);
    return clone;
  }

  // The rule of Storage.read: an ordered run counts, else that of the highest ballot.
  #index(run: StoredRun): void {
    this.#runs.push(run);
    const { proposal } = run;
    if (proposal === undefined) return;
    const rank = run.ordered ? Infinity : ballotOf(run.epoch, proposal.view);
    const first = Number(proposal.seq);
    proposal.updates.forEach((bytes, i) => {
      const known = this.#values.get(first + i);
      const counts = known === undefined || known.rank < rank;
      if (counts && first + i >= this.firstSeq) this.#values.set(first + i, { rank, bytes });
    });
  }

  /** A run that holds a damaged value is damaged itself. */
  #check({ proposal }: StoredRun): void {
    if (proposal === undefined) return;
    for (let i = 0; i < proposal.updates.length; i++) {
      const seq = Number(proposal.seq) + i;
      const value = this.#values.get(seq);
      if (value !== undefined) read(value, `seq ${seq}`);
    }
  }
}

function endOf({ proposal }: StoredRun): number {
  return proposal === undefined ? 0 : Number(proposal.seq) + proposal.updates.length - 1;
}
