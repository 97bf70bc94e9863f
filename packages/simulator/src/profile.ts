import type { ReplicaOptions, SnapshotPolicy } from "@paxos/replica";
import type { ClientConditions } from "./clients/courier.js";
import type { ReaderConditions } from "./clients/reader-conditions.js";
import type { FaultKind, Illness, PartitionShape, PlannedFault } from "./faults/fault.js";
import type { Random } from "./random.js";
import type { DiskConditions } from "./world/disk.js";
import type { NetworkConditions } from "./world/network.js";

/** Which faults a run has, how often, how bad; and what is usual between them. */
export interface Profile {
  readonly name: string;
  /** For people: what this profile is about. */
  readonly about: string;
  /** How many nodes; one of these is drawn. */
  readonly nodes: readonly [number, ...number[]];
  /** The fewest and the most nodes with which it makes sense. Default 1 and 9. */
  readonly nodesAllowed?: readonly [number, number];
  /** How long faults go on, in virtual milliseconds. */
  readonly faultsMs: readonly [number, number];
  /** What the links are like, for as long as faults go on. */
  readonly network: NetworkConditions;
  readonly disk: DiskConditions;
  readonly clients: ClientConditions;
  /** The rates of clocks, in thousandths: each node's is drawn. */
  readonly clockRate: readonly [number, number];
  /**
   * The replicas' settings. Must leave room for the workload's updates: their greatest size in bytes is given if it is
   * known.
   */
  readonly tuning: (random: Random, maxUpdateBytes?: number) => NonNullable<ReplicaOptions["tuning"]>;
  /** How far those of `faults` lie apart, in virtual milliseconds. */
  readonly everyMs: readonly [number, number];
  /** Which faults, and how often in relation to each other. */
  readonly faults: Partial<Readonly<Record<FaultKind, number>>>;
  /** Which partitions, likewise, if `faults` has any. */
  readonly partitions: Partial<Readonly<Record<PartitionShape, number>>>;
  /** How often a fault looks for the leader, in 1,000; else anybody will do. */
  readonly leaderPerMille: number;
  /** Faults that do not come by chance alone. `untilUs`: when faults end, in virtual microseconds. */
  readonly script?: (random: Random, nodes: number, untilUs: number) => PlannedFault[];
  /**
   * How many clients the replicas remember. Only with clients that all use the library: others would be executed twice.
   * Default: as shipped.
   */
  readonly sessionClients?: number;
  /** When replicas take snapshots, and what they keep behind them. Default: as shipped, which is never in a run. */
  readonly snapshots?: (random: Random) => Partial<SnapshotPolicy>;
  /** After how long a save counts as failed, in milliseconds; 0: never. Default 30,000, as shipped. */
  readonly saveTimeoutMs?: number;
  /** How many processes in 1,000 stay when their storage fails, until somebody restarts them. Default 0: they stop. */
  readonly staysPerMille?: number;
  /**
   * In how many runs in 1,000 operators are at work besides all that goes wrong: they change the membership, its quorums and its
   * priorities, and move the leadership. Default 0.
   */
  readonly operatorsPerMille?: number;
  /** In how many runs in 1,000 there are clients that only read. Default 0. */
  readonly readersPerMille?: number;
  /** What they are like. Default: a few, in no hurry. */
  readonly readers?: ReaderConditions;
  /** What one node, drawn from the seed, suffers from all the time. */
  readonly illness?: Illness;
}
