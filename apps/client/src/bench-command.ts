// `paxos-client bench`: how many updates the cluster orders, and how fast it answers.
import { SubmitError } from "@paxos/client";

import { BenchLoad } from "./bench-load.js";
import { BenchProgress } from "./bench-progress.js";
import { benchJson, benchLines } from "./bench-report.js";
import type { Context } from "./context.js";
import type { BenchFlags } from "./invocation.js";
import { canRedraw } from "./palette.js";

/** Resolves with the exit status: 0 when all updates were ordered, else 1. */
export async function benchCommand(context: Context, flags: BenchFlags): Promise<number> {
  const { environment, output } = context;
  const { timeoutMs, inFlight, size, end, json } = flags;
  const clients = Array.from({ length: flags.clients }, () => context.connect({ timeoutMs }));
  const load = new BenchLoad({ clients, inFlight, size, end, environment });
  if (!(await warmedUp(context, load))) return 1;
  await withProgress(context, load);
  const interrupted = environment.interrupt.signal.aborted;
  const figures = load.figures();
  const lines = json ? [JSON.stringify(benchJson(figures, flags, interrupted))] : benchLines(figures, flags);
  if (interrupted)
    output.note(`interrupted after ${figures.seconds.toFixed(1)} s; this is the result so far`);
  for (const line of lines) await output.print(line);
  return figures.failed === 0 ? 0 : 1;
}

async function warmedUp({ environment, output, servers }: Context, load: BenchLoad): Promise<boolean> {
  try {
    await load.warmUp();
    return true;
  } catch (error) {
    if (!(error instanceof SubmitError)) throw error;
    if (!environment.interrupt.signal.aborted) output.note(`not begun: ${servers.clarify(error.message)}`);
    return false;
  }
}

async function withProgress({ environment, output }: Context, load: BenchLoad): Promise<void> {
  const { stderr, variables } = environment;
  if (!canRedraw(stderr, variables)) return load.run();
  const progress = new BenchProgress(stderr, () => ({ progress: load.progress, figures: load.figures() }));
  output.keepAbove((write) => progress.above(write));
  try {
    await load.run();
  } finally {
    output.keepAbove(undefined);
    progress.close();
  }
}
