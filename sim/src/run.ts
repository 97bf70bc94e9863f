// One run: what is simulated, and what came of it.
import type { ProfileName, RunSummary } from "@paxos/simulator";

/** What is simulated. Travels to worker threads, so it is plain data. */
export interface Run {
  readonly seed: number;
  readonly profile: ProfileName;
  readonly nodes?: number;
  readonly faults?: readonly number[];
  readonly faultsUntilMs?: number;
  /** False: without clients that only read, whatever the profile says. */
  readonly readers?: false;
}

/** What came of it. Travels from worker threads. */
export type Outcome = (
  | { readonly kind: "passed"; readonly summary: RunSummary }
  | {
      readonly kind: "violation";
      readonly checker: string;
      readonly finding: string;
      readonly summary: RunSummary;
      /** The stack of the error behind it, if there is one. */
      readonly stack?: string;
    }
  /** It ended in no way in which a run ends: it never did, or the simulator itself is at fault. */
  | { readonly kind: "broken"; readonly reason: string }
) & {
  /** Milliseconds that its thread worked; see thread-time.ts. */
  readonly busyMs: number;
};

/** A run that did not pass. */
export type Failure = Exclude<Outcome, { kind: "passed" }>;

/** What found a failure. */
export function checkerOf(failure: Failure): string {
  return failure.kind === "violation" ? failure.checker : "broken run";
}

/** What was found. */
export function findingOf(failure: Failure): string {
  return failure.kind === "violation" ? failure.finding : failure.reason;
}
