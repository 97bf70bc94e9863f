import type { ChunkData, Save, SnapshotId, StoredState } from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import type { RunRecord } from "./merge-runs.js";
import type { Receiving } from "./reception.js";

/** What is found when a store is opened. */
export interface OpenedState extends StoredState {
  readonly firstSeq: number;
  readonly snapshots: readonly Snapshot[];
  readonly incoming?: Receiving;
}

/**
 * Where records are: what adapters have of their own. Nothing here is called out of the contract of the port, which
 * {@link CheckedStorage} sees to. A write is durable when it resolves; of those under way a crash may take back the last
 * ones.
 */
export interface RecordStore {
  /** Opens, making what is missing. Releases everything again when it rejects. */
  open(): Promise<OpenedState>;
  /** Makes a save durable, all of it or nothing; with what it installs, that snapshot and the first seq behind it. */
  write(save: Save): Promise<void>;
  /** Gives every run that reaches from `from` up to `upTo`, in the order of first seqs, until `take` returns false. */
  scan(from: number, upTo: number, take: (record: RunRecord) => boolean): Promise<void>;
  /** Puts a chunk, together with what has been received up to it, if it comes from a peer. */
  putChunk(id: SnapshotId, index: number, chunk: ChunkData, progress?: Receiving): Promise<void>;
  /** A chunk; undefined when it is not there. */
  getChunk(id: SnapshotId, index: number): Promise<ChunkData | undefined>;
  /** Makes a snapshot durable whose chunks are there. */
  putSnapshot(snapshot: Snapshot): Promise<void>;
  /** Makes durable where the log begins. */
  putFirstSeq(firstSeq: number): Promise<void>;
  /** Drops what says how far a peer's snapshot has been received. */
  dropProgress(): Promise<void>;
  /** Drops a snapshot, whose chunks remain. */
  dropSnapshot(id: SnapshotId): Promise<void>;
  /** Drops chunks, a few at a time, while `goesOn` says so. */
  dropChunks(id: SnapshotId, goesOn: () => boolean): Promise<void>;
  /** Drops what lies wholly below the first seq, from below, a little at a time, while `goesOn` says so. */
  dropLog(firstSeq: number, goesOn: () => boolean): Promise<void>;
  /** Releases what `open` has taken. Called once, with nothing else under way. */
  release(): Promise<void>;
}
