// pnpm sim --seed N --shrink
import { type RunSummary, type SimulateOptions, Violation, shrink } from "@paxos/simulator";

import { replayCommand } from "./command-line.js";
import type { ShrinkFlags } from "./invocation.js";
import { type Io, writeJson, writeLines } from "./io.js";
import { count } from "./quantities.js";
import { describeFailure, jsonFailedRun } from "./report.js";
import { type Failure, type Run, findingOf } from "./run.js";
import { SimWorker } from "./sim-worker.js";
import { loadSubject } from "./subject.js";
import { UsageError } from "./usage-error.js";

/** A smaller run that takes longer than this is not smaller. */
const PATIENCE_MS = 120_000;

/** Makes a failing run smaller, in a thread of its own, so that there is an end to it at any time. */
export async function shrinkRun(flags: ShrinkFlags, { stdout, stderr, interrupt }: Io): Promise<void> {
  const { run, subject, maxRuns, json } = flags;
  await loadSubject(subject);
  const worker = new SimWorker({ patienceMs: PATIENCE_MS, ...(subject !== undefined && { subject }) });
  const stop = (): void => worker.stop();
  interrupt.addEventListener("abort", stop);
  const failures = new WeakMap<Violation, Failure>();
  const simulate = async (options: SimulateOptions): Promise<RunSummary> => {
    const outcome = await worker.run(runOf(run, options));
    if (outcome?.kind === "passed") return outcome.summary;
    if (outcome?.kind !== "violation") {
      const why = outcome === undefined ? "interrupted" : `no violation ends it: ${findingOf(outcome)}`;
      throw new UsageError(`seed ${run.seed} of profile ${run.profile} cannot be shrunk: ${why}`);
    }
    const violation = new Violation(outcome.checker, outcome.finding, outcome.summary);
    failures.set(violation, outcome);
    throw violation;
  };
  try {
    const violation = await violationOf(simulate(run));
    writeLines(stderr, [`[${violation.checker}] ${violation.finding}`, describeSize(run, violation)]);
    let last = violation;
    const smallest = await shrink(run, violation, {
      ...(maxRuns !== undefined && { maxRuns }),
      simulate,
      signal: interrupt,
      onProgress: ({ options, violation: now, runs }) => {
        if (now !== last) writeLines(stderr, [`${describeSize(options, now)}; ${count(runs, "run")} tried`]);
        last = now;
      },
    });
    const failure = failures.get(smallest.violation);
    if (failure === undefined) throw new Error("the smallest failure is none that was seen");
    const finding = { run: runOf(run, smallest.options), failure, runs: 1 };
    if (json) writeJson(stdout, { ...jsonFailedRun(finding, flags), tried: smallest.runs });
    else {
      writeLines(stdout, [`The smallest after ${count(smallest.runs, "run")}:`, ""]);
      writeLines(stdout, [...describeFailure(finding), `Replay:  ${replayCommand(finding.run, flags)}`]);
    }
  } finally {
    interrupt.removeEventListener("abort", stop);
    stop();
  }
}

async function violationOf(run: Promise<RunSummary>): Promise<Violation> {
  try {
    const { seed, profile } = await run;
    throw new UsageError(`seed ${seed} of profile ${profile} does not fail: there is nothing to shrink`);
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}

/** What a command says of the options of a run. */
function runOf({ seed, profile }: Run, { nodes, faults, faultsUntilMs }: SimulateOptions): Run {
  return {
    seed,
    profile,
    ...(nodes !== undefined && { nodes }),
    ...(faults !== undefined && { faults }),
    ...(faultsUntilMs !== undefined && { faultsUntilMs }),
  };
}

function describeSize({ faultsUntilMs }: SimulateOptions, { summary }: Violation): string {
  const until = faultsUntilMs === undefined ? "" : `, which stop after ${seconds(faultsUntilMs)}`;
  return `${count(summary.nodes, "node")}, ${count(summary.faults, "fault")}${until}; fails after ${seconds(summary.virtualMs)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
