// A hunt with what belongs to it: progress, memory, the time it took.
import type { Finding } from "./findings.js";
import { Hunt, type Standing } from "./hunt.js";
import type { ManyFlags } from "./invocation.js";
import type { Io, Output } from "./io.js";
import { type Memory, MemoryLog, Meter } from "./meter.js";
import type { Plan } from "./plan.js";
import { ProgressDisplay } from "./progress-display.js";
import type { Progress } from "./progress.js";
import { SimWorker } from "./sim-worker.js";

const SAMPLE_EVERY_MS = 1000;

export interface SittingOptions {
  readonly plan: Plan;
  /** Where to begin; moves on. */
  readonly standing: Standing;
  readonly flags: ManyFlags;
  readonly io: Io;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called every second or so, and at the end, when `standing` is up to date. */
  readonly onStanding?: () => void;
}

export interface SittingResult {
  /** The failure that ended it. */
  readonly failure: Finding | undefined;
  readonly memory: Memory;
}

/** Hunts until the end of the plan, a failure, or the signal. */
export async function sit(options: SittingOptions): Promise<SittingResult> {
  const { plan, standing, flags, io, signal, onStanding } = options;
  const hunt = new Hunt({ ...flags, plan, standing, newRunner: () => new SimWorker(flags) });
  const { totals } = standing;
  const [earlierRuns, earlierMs] = [standing.done, totals.realMs];
  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  const meter = new Meter();
  const memory = new MemoryLog();
  const progress = (): Progress => ({
    runs: earlierRuns + hunt.effort.runs,
    of: plan.endless ? Infinity : plan.size,
    failures: standing.findings.reduce((sum, { runs }) => sum + runs, 0),
    effort: hunt.effort,
    pace: meter.pace(hunt.effort, elapsed()),
    jobs: flags.jobs,
    elapsedMs: elapsed(),
    memory: process.memoryUsage.rss(),
  });
  const settle = (): void => {
    totals.realMs = earlierMs + elapsed();
    onStanding?.();
  };
  const display = new ProgressDisplay(terminalOf(io, flags.json) ?? io.stderr, progress);
  const sampler = setInterval(() => {
    // Before, there are neither all threads nor compiled code.
    if (hunt.effort.runs >= flags.jobs) memory.sample(process.memoryUsage.rss());
    settle();
  }, SAMPLE_EVERY_MS);
  try {
    const failure = await hunt.run(signal);
    return { failure, memory: memory.summary(process.memoryUsage.rss()) };
  } finally {
    clearInterval(sampler);
    display.close();
    settle();
  }
}

/** Where somebody looks, if anybody does: results of `--json` are not to be mixed with progress. */
function terminalOf({ stdout, stderr }: Io, json: boolean): Output | undefined {
  return [stderr, ...(json ? [] : [stdout])].find(({ isTTY }) => isTTY === true);
}
