import { Violation, simulate } from "@paxos/simulator";

import type { Outcome, Run } from "./run.js";
import { type LoadedSubject, optionsOf } from "./subject.js";

/** Does one run in this thread. */
export async function perform(
  run: Run,
  subject: LoadedSubject,
  trace?: (line: string) => void,
): Promise<Outcome> {
  const options = { ...optionsOf(run, subject), ...(trace && { trace }) };
  const started = performance.now();
  try {
    const summary = await simulate(options);
    return { kind: "passed", summary, busyMs: performance.now() - started };
  } catch (error) {
    const busyMs = performance.now() - started;
    if (error instanceof Violation) {
      const { checker, finding, summary, cause } = error;
      const stack = cause instanceof Error && cause.stack !== undefined ? { stack: cause.stack } : {};
      return { kind: "violation", checker, finding, summary, ...stack, busyMs };
    }
    return { kind: "broken", reason: describe(error), busyMs };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
