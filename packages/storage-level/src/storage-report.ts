import type { EpochRecord, PeerStore } from "@paxos/proto";

/** What {@link inspectStorage} has found. */
export interface StorageReport {
  /** The storage: its directory, say. */
  readonly name: string;
  readonly format: number;
  /** Absent when its record is damaged. */
  readonly storeId?: bigint;
  /** The state of the last save; absent when nothing was ever saved, or it is damaged. */
  readonly state?: {
    readonly nodeId: bigint;
    /** The number of the last save. */
    readonly saveNumber: number;
    readonly promisedView: bigint;
    /** The highest view that the node has ever led; absent when it never led. */
    readonly ledView?: bigint;
    readonly localAru: number;
    /** The membership of the last epoch that the node has entered. */
    readonly epochRecord?: EpochRecord;
    /** What its cluster is called; absent in storage from before that was kept: then it follows from the members of epoch 0. */
    readonly clusterId?: Uint8Array;
    readonly peerStores: readonly PeerStore[];
  };
  /** The first seq of the log. */
  readonly firstSeq: number;
  /** What the log holds from there to the ARU. */
  readonly log: {
    /** Seqs held. */
    readonly updates: number;
    /** Records, of several ballots where there have been several. */
    readonly runs: number;
    /** Of these records. */
    readonly bytes: number;
  };
  /** The runs that reach above the ARU: accepted, and not known as ordered. */
  readonly accepted: { readonly runs: number; readonly lastSeq: number };
  /** In ascending order of seqs. */
  readonly snapshots: readonly {
    readonly seq: number;
    readonly origin: bigint;
    readonly chunks: number;
    readonly bytes: number;
    /** Whether all chunks are there, and add up to what the snapshot says of itself. */
    readonly isWhole: boolean;
  }[];
  /** A peer's snapshot, of which the chunks below `next` have been received. */
  readonly incoming?: {
    readonly seq: number;
    readonly origin: bigint;
    readonly chunks: number;
    readonly next: number;
  };
  /** The saves on record, which the checksums of each other hold together. */
  readonly saves: { readonly first: number; readonly count: number };
  /** What crashes have left, for the next start or compaction to remove: no problem. */
  readonly leftovers: number;
  /** Everything that is wrong: up to 100 of them, each for people, with what is to be done. */
  readonly problems: readonly string[];
  /** How many there are. */
  readonly problemCount: number;
}
