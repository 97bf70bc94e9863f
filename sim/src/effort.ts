// What has been simulated so far.
import type { Outcome } from "./run.js";

export interface Effort {
  runs: number;
  steps: number;
  virtualMs: number;
  faults: number;
  /** Milliseconds that threads worked. */
  busyMs: number;
}

export function noEffort(): Effort {
  return { runs: 0, steps: 0, virtualMs: 0, faults: 0, busyMs: 0 };
}

export function addEffort(effort: Effort, outcome: Outcome): void {
  effort.runs += 1;
  effort.busyMs += outcome.busyMs;
  if (outcome.kind === "broken") return;
  effort.steps += outcome.summary.steps;
  effort.virtualMs += outcome.summary.virtualMs;
  effort.faults += outcome.summary.faults;
}
