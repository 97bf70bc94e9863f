import type { startReplica } from "@paxos/replica";
import type { Profile } from "./profile.js";
import type { ProfileName } from "./profiles.js";
import type { SimulatedStateMachine, Workload } from "./workload.js";

/** What is to be simulated. The same options give the same run, event for event. */
export interface SimulateOptions {
  /** A safe integer, 0 or more. */
  readonly seed: number;
  /** Which faults. Default `rough`. */
  readonly profile?: ProfileName | Profile;
  /** Makes a node's copy of the state machine, anew at each start of the node. Default: a key-value store. */
  readonly stateMachine?: (nodeId: number) => SimulatedStateMachine;
  /** What clients do. Default: the key-value store's, whose history must be linearizable. */
  readonly workload?: Workload;
  /** How many nodes, 1 to 9. Default: drawn from the seed, as the profile says. */
  readonly nodes?: number;
  /** Leaves out every fault of the run's plan but these, by their numbers in the trace. Default: all happen. */
  readonly faults?: readonly number[];
  /** Virtual milliseconds after which faults stop. Default: as the profile says. */
  readonly faultsUntilMs?: number;
  /** Told of each event, as a line of text. A run with it takes several times as long; it is the same run. */
  readonly trace?: (line: string) => void;
  /** Another build of @paxos/replica to be tested in place of the one installed. */
  readonly startReplica?: typeof startReplica;
}
