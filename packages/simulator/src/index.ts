// What users of the simulator import.
export type {
  Expectation,
  Fault,
  FaultKind,
  Illness,
  PartitionShape,
  PlannedFault,
  Target,
  Usurpation,
} from "./faults/fault.js";
export type { ReaderConditions } from "./clients/reader-conditions.js";
export { KeyValueMachine, keyValueWorkload } from "./key-value.js";
export type { KeyValueWorkloadOptions } from "./key-value.js";
export { checkLinearizability } from "./linearizability.js";
export type { Call, Model, Verdict } from "./linearizability.js";
export { profileNames, profiles } from "./profiles.js";
export type { Profile } from "./profile.js";
export type { ProfileName } from "./profiles.js";
export type { ClientConditions } from "./clients/courier.js";
export type { DiskConditions } from "./world/disk.js";
export type { NetworkConditions } from "./world/network.js";
export { Random } from "./random.js";
export { shrink } from "./shrink.js";
export type { Shrunken, ShrinkSettings } from "./shrink.js";
export { simulate } from "./simulate.js";
export type { SimulateOptions } from "./simulate-options.js";
export type { RunSummary } from "./summary.js";
export { LogMachine, uniqueUpdatesWorkload } from "./unique-updates.js";
export { Violation } from "./violation.js";
export type { Operation, SimulatedStateMachine, Workload } from "./workload.js";
