// What users of the simulator import.
export { Random } from "./random.js";
export type { RunSummary } from "./summary.js";
export { Violation } from "./violation.js";
export type { Operation, SimulatedStateMachine, Workload } from "./workload.js";
