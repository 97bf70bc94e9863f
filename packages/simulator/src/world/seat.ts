import type { AdmissionRefusal, Identity, Logger } from "@paxos/core";
import type { EpochRecord } from "@paxos/proto";
import type { startReplica, ReplicaOptions, SnapshotPolicy } from "@paxos/replica";
import type { Epochs } from "../checkers/epochs.js";
import type { Checker } from "../checkers/checker.js";
import type { Calls } from "../clients/calls.js";
import type { Random } from "../random.js";
import type { SimulatedStateMachine } from "../workload.js";
import type { Disk, DiskConditions } from "./disk.js";
import type { Network } from "./network.js";
import type { World } from "./world.js";

/** What all hosts of a run share. */
export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly checkers: readonly Checker[];
  readonly calls: Calls;
  /** The membership of epoch 0. */
  readonly epochRecord: EpochRecord;
  /** The memberships that a quorum has accepted so far. */
  readonly epochs: Epochs;
  readonly tickMs: number;
  readonly tuning: NonNullable<ReplicaOptions["tuning"]>;
  readonly sessionBounds: NonNullable<ReplicaOptions["sessionBounds"]>;
  readonly snapshots: Partial<SnapshotPolicy>;
  readonly saveTimeoutMs: number;
  /** How many processes in 1,000 stay when their storage fails. */
  readonly staysPerMille: number;
  readonly startReplica: typeof startReplica;
  readonly makeStateMachine: (nodeId: number) => SimulatedStateMachine;
  readonly disk: DiskConditions;
  /** Whether everything travels as bytes, and is written as bytes. Else the same objects go round, which costs less. */
  readonly encodes: boolean;
  /** Tells the process that introduced itself to node `by` so that it was refused. */
  tellRefused(sender: Identity, by: number, refusal: AdmissionRefusal): void;
}

/** A host, as its process and the ports of that see it. */
export interface Seat {
  readonly id: number;
  readonly surroundings: Surroundings;
  readonly random: Random;
  readonly disk: Disk;
  /** How fast its clock ticks, in thousandths of what it should. */
  readonly tickRate: number;
  /** By how much its calendar is wrong, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Whether its disk has been exchanged for an empty or an older one: from then on its peers must refuse it. */
  readonly lostItsDisk: boolean;
  readonly logger: Logger;
  /** Whether the state of its disk is a reason for a process to stop with this error. */
  excuses(error: unknown): boolean;
  /** Ends the process as kill -9 does. */
  crash(): void;
  /** The membership that it was told when it joined; undefined on those that founded the cluster. */
  readonly joined: EpochRecord | undefined;
  /** Its node was removed from the cluster, and its process told so: it ends, and nobody starts another one. */
  left(): void;
  /** Its peers have refused its process, whose disk is not the one that they know. */
  refused(): void;
  /** Somebody sees that its process has stopped, or does not what it should, and starts it again. */
  restartLater(): void;
}
