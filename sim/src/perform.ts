import { type SimulateOptions, Violation, simulate } from "@paxos/simulator";

import { describeError } from "./describe-error.js";
import type { Outcome, Run } from "./run.js";
import { type LoadedSubject, optionsOf } from "./subject.js";
import { threadTime } from "./thread-time.js";
import { UsageError } from "./usage-error.js";

/**
 * Does one run in this thread.
 *
 * @throws UsageError when there is no such run, for instance because its profile needs more nodes.
 */
export async function perform(
  run: Run,
  subject: LoadedSubject,
  trace?: (line: string) => void,
): Promise<Outcome> {
  const started = threadTime();
  let options: SimulateOptions | undefined;
  try {
    options = { ...optionsOf(run, subject), ...(trace && { trace }) };
    const summary = await simulate(options);
    return { kind: "passed", summary, busyMs: threadTime() - started };
  } catch (error) {
    const busyMs = threadTime() - started;
    if (error instanceof Violation) {
      const { checker, finding, summary, cause } = error;
      const stack = cause instanceof Error && cause.stack !== undefined ? { stack: cause.stack } : {};
      return { kind: "violation", checker, finding, summary, ...stack, busyMs };
    }
    // Without nodes or faults of its own, there is nothing about a run that could be refused.
    const isChosen = run.nodes !== undefined || run.faults !== undefined;
    if (options !== undefined && isChosen && error instanceof RangeError) {
      throw new UsageError(`seed ${run.seed} of profile ${run.profile}: ${error.message}`);
    }
    return { kind: "broken", reason: describeError(error), busyMs };
  }
}
