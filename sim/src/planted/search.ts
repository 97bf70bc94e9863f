// How many seeds it takes until the simulator finds a bug.
import type { ProfileName } from "@paxos/simulator";

import { findingOf, type Outcome, type Run } from "../run.js";
import { SimWorker } from "../sim-worker.js";
import { makeCopy } from "./copy.js";
import { judge, PATIENCE_MS } from "./judge.js";
import type { PlantedBug } from "./planted-bug.js";

/** Which seeds are tried for each bug. */
export interface SearchPlan {
  /** Undefined: each bug's own. */
  readonly profile?: ProfileName;
  readonly from: number;
  readonly maxSeeds: number;
  /** Each bug's known seed only, and the same seed with the code as it is. */
  readonly known: boolean;
  readonly jobs: number;
}

/** What came of the search for one bug. */
export interface SearchResult {
  readonly bug: string;
  readonly profile: ProfileName;
  /** How many seeds were tried. */
  readonly seeds: number;
  /** The one that found it; undefined when none did. */
  readonly seed?: number;
  readonly checker?: string;
  readonly finding?: string;
  /** What went wrong without being a finding: the simulator itself, or this search, is at fault. */
  readonly error?: string;
}

/** Told how it goes. */
export interface SearchWatcher {
  /** Another seed has been tried for a bug. */
  onSeed(bug: PlantedBug, seeds: number): void;
  /** The search for a bug has ended. */
  onResult(result: SearchResult): void;
}

/** Searches for all these bugs. Aborted, it gives what it has. */
export async function search(
  bugs: readonly PlantedBug[],
  plan: SearchPlan,
  signal: AbortSignal,
  watcher: SearchWatcher,
): Promise<SearchResult[]> {
  const results = new Map<PlantedBug, SearchResult>();
  const unchanged = new Unchanged(signal);
  const waiting = [...bugs];
  const work = async () => {
    for (let bug = waiting.shift(); bug !== undefined && !signal.aborted; bug = waiting.shift()) {
      const searched = await searchFor(bug, plan, { unchanged, signal, watcher });
      if (searched === undefined) return;
      const { profile } = searched;
      const error = plan.known ? await unchanged.errorOf(runOf(bug, bug.seed, profile)) : undefined;
      const result = error === undefined ? searched : { ...searched, error };
      results.set(bug, result);
      watcher.onResult(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(plan.jobs, bugs.length) }, work));
  return bugs.flatMap((bug) => results.get(bug) ?? []);
}

async function searchFor(
  bug: PlantedBug,
  plan: SearchPlan,
  { unchanged, signal, watcher }: { unchanged: Unchanged; signal: AbortSignal; watcher: SearchWatcher },
): Promise<SearchResult | undefined> {
  const profile = plan.profile ?? bug.profile;
  const from = plan.known ? bug.seed : plan.from;
  const result = { bug: bug.name, profile };
  let copy;
  try {
    copy = makeCopy(bug);
  } catch (error) {
    return { ...result, seeds: 0, error: (error as Error).message };
  }
  const worker = new SimWorker({ subject: copy.path, patienceMs: PATIENCE_MS });
  const stop = () => worker.stop();
  signal.addEventListener("abort", stop);
  try {
    const maxSeeds = plan.known ? 1 : plan.maxSeeds;
    for (let seeds = 1; seeds <= maxSeeds; seeds++) {
      const seed = from + seeds - 1;
      const run = runOf(bug, seed, profile);
      const outcome = await worker.run(run);
      if (outcome === undefined) return undefined;
      watcher.onSeed(bug, seeds);
      const judged = await judge(outcome, async () => unchanged.msOf(run));
      if (signal.aborted) return undefined;
      if (judged !== undefined) return { ...result, seeds, seed, ...judged };
    }
    return { ...result, seeds: maxSeeds };
  } finally {
    signal.removeEventListener("abort", stop);
    worker.stop();
    copy.remove();
  }
}

function runOf(bug: PlantedBug, seed: number, profile: ProfileName): Run {
  return bug.needsReaders === true ? { seed, profile } : { seed, profile, readers: false };
}

/** Runs of the code as it is, each once. */
class Unchanged {
  readonly #runs = new Map<string, Promise<{ readonly outcome: Outcome | undefined; readonly ms: number }>>();

  constructor(private readonly signal: AbortSignal) {}

  /** They must pass. */
  async errorOf(run: Run): Promise<string | undefined> {
    const { outcome } = await this.#resultOf(run);
    if (outcome === undefined || outcome.kind === "passed") return undefined;
    return `the code as it is fails with this seed: ${findingOf(outcome)}`;
  }

  /** How long it took, in real milliseconds. */
  async msOf(run: Run): Promise<number> {
    return (await this.#resultOf(run)).ms;
  }

  #resultOf(run: Run): Promise<{ readonly outcome: Outcome | undefined; readonly ms: number }> {
    const key = `${run.profile} ${run.seed} ${run.readers}`;
    let result = this.#runs.get(key);
    if (result === undefined) this.#runs.set(key, (result = this.#run(run)));
    return result;
  }

  async #run(run: Run) {
    const worker = new SimWorker({ patienceMs: PATIENCE_MS });
    const stop = () => worker.stop();
    this.signal.addEventListener("abort", stop);
    const started = performance.now();
    try {
      const outcome = await worker.run(run);
      return { outcome, ms: performance.now() - started };
    } finally {
      this.signal.removeEventListener("abort", stop);
      worker.stop();
    }
  }
}
