// What applications import to replicate their state machine.
export { clusterIdOf } from "./cluster-id.js";
export { startReplica } from "./replica.js";
export type { ReadOptions, ReadOutcome } from "./queries.js";
export type { Replica, ReplicaOptions, SubmitOptions } from "./replica.js";
export type { SnapshotPolicy } from "./snapshot-policy.js";
export { systemClock } from "./system-clock.js";
export type { Outcome } from "./submission.js";
