/** What a run did, so that an empty one shows. */
export interface RunSummary {
  readonly seed: number;
  /** The profile's name. */
  readonly profile: string;
  /** How many nodes have founded the cluster. */
  readonly nodes: number;
  /**
   * A digest of what happened, in order: ticks, messages with what they say, saves, updates and their answers, faults. The
   * same seed gives the same one, everywhere.
   */
  readonly traceHash: string;
  /** How much virtual time went by. */
  readonly virtualMs: number;
  /** Inputs to nodes' cores: ticks, messages, updates, finished saves. */
  readonly steps: number;
  readonly ticks: number;
  readonly messages: {
    readonly sent: number;
    readonly delivered: number;
    /** Lost by chance, in a partition, in a full queue, or because the receiver was down. */
    readonly lost: number;
    readonly doubled: number;
  };
  readonly saves: number;
  readonly snapshots: {
    /** By nodes, of their own state machines. */
    readonly taken: number;
    /** Received from a peer, in place of the log. */
    readonly installed: number;
    /** How often a node dropped the beginning of its log. */
    readonly compactions: number;
  };
  /** What clients did. */
  readonly operations: {
    readonly issued: number;
    readonly ordered: number;
    /** Not executed, for sure. */
    readonly rejected: number;
    /** Given up by their clients: executed, or not. */
    readonly unknown: number;
    /** Attempts beyond the first. */
    readonly retries: number;
  };
  /** Reads that were answered. */
  readonly reads: number;
  /** Faults in all, and of each kind. */
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** Memberships, one after the other. */
  readonly epochs: number;
  /** Views that somebody led. */
  readonly views: number;
  /** The last seq ordered. */
  readonly ordered: number;
  /** Ticks from the end of all faults until every live node agreed and had ordered new updates. */
  readonly recoveryTicks: number;
  /** Histories whose linearizability could not be decided within the checker's bound. */
  readonly undecided: number;
}
