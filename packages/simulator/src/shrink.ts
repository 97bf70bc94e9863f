// Makes a failing run small enough to be read.
import { minimalSubset } from "./minimal-subset.js";
import type { SimulateOptions } from "./simulate-options.js";
import { simulate as simulateForReal } from "./simulate.js";
import type { RunSummary } from "./summary.js";
import { Violation } from "./violation.js";

const DEFAULT_MAX_RUNS = 300;

/** The end of faults is not sought more exactly than this, in virtual milliseconds. */
const PRECISION_MS = 100;

/** How far to go, and whom to tell. */
export interface ShrinkSettings {
  /** How many runs may be tried. Default 300. */
  readonly maxRuns?: number;
  /** Told after each run of the smallest failure so far. */
  readonly onProgress?: (progress: Shrunken) => void;
  /** Ends the search: the smallest failure so far is the result. */
  readonly signal?: AbortSignal;
  /** What does a run. Default {@link simulateForReal | simulate}; for instance one that does it in another thread. */
  readonly simulate?: (options: SimulateOptions) => Promise<RunSummary>;
}

/** A failing run that was made smaller. */
export interface Shrunken {
  /** What to simulate for the same failure. */
  readonly options: SimulateOptions;
  /** What is found then. */
  readonly violation: Violation;
  /** How many runs were tried. */
  readonly runs: number;
}

/**
 * Looks for a smaller run that fails in the same way, that is, is found by the same checker: with fewer nodes, with faults
 * that stop earlier, with fewer faults. None of what remains can be left out alone, as far as `maxRuns` allowed to try.
 *
 * @param options the run that failed.
 * @param violation what it was rejected with.
 */
export async function shrink(
  options: SimulateOptions,
  violation: Violation,
  settings: ShrinkSettings = {},
): Promise<Shrunken> {
  const search = new Search(options, violation, settings);
  // Another number of nodes makes another run of it, with other faults: so that comes first.
  await fewerNodes(search);
  await earlierEnd(search);
  await fewerFaults(search);
  await earlierEnd(search);
  return search.smallest;
}

/** What takes longer to fail is not smaller, however few the nodes. */
async function fewerNodes(search: Search): Promise<void> {
  const { nodes, steps } = search.smallest.violation.summary;
  for (let fewer = 1; fewer < nodes; fewer++) {
    if (await search.fails({ nodes: fewer }, ({ summary }) => summary.steps <= steps)) return;
  }
}

/** Bisection. A failure need not be monotonous in time; what is found fails in any case. */
async function earlierEnd(search: Search): Promise<void> {
  let low = 0;
  let high = endOfFaults(search.smallest);
  if (high > 0 && (await search.fails({ faultsUntilMs: 0 }))) return;
  while (high - low > PRECISION_MS && !search.over) {
    const middle = Math.floor((low + high) / 2);
    if (await search.fails({ faultsUntilMs: middle })) high = endOfFaults(search.smallest);
    else low = middle;
  }
}

/** Faults after the violation are of no account. */
function endOfFaults({ options, violation }: Shrunken): number {
  return Math.min(options.faultsUntilMs ?? Infinity, Math.ceil(violation.summary.virtualMs));
}

async function fewerFaults(search: Search): Promise<void> {
  const { options, violation } = search.smallest;
  const faults = options.faults ?? Array.from({ length: violation.summary.faults }, (_, number) => number);
  await minimalSubset(faults, async (fewer) => search.fails({ faults: fewer }));
}

/** The smallest failure so far, and what may still be tried. */
class Search {
  readonly #settings: ShrinkSettings;
  #smallest: Shrunken;

  constructor(options: SimulateOptions, violation: Violation, settings: ShrinkSettings) {
    // The transcripts of all the runs would be of no use to anybody.
    const { trace: _, ...untraced } = options;
    this.#smallest = { options: untraced, violation, runs: 0 };
    this.#settings = settings;
  }

  get smallest(): Shrunken {
    return this.#smallest;
  }

  get over(): boolean {
    const { maxRuns = DEFAULT_MAX_RUNS, signal } = this.#settings;
    return this.#smallest.runs >= maxRuns || signal?.aborted === true;
  }

  /** Tries the smallest run with these options changed, and keeps it when it fails in the same way and is welcome. */
  async fails(
    change: Partial<SimulateOptions>,
    isWelcome: (violation: Violation) => boolean = () => true,
  ): Promise<boolean> {
    if (this.over) return false;
    const options = { ...this.#smallest.options, ...change };
    const violation = await this.#violationOf(options);
    const kept = violation !== undefined && isWelcome(violation);
    const runs = this.#smallest.runs + 1;
    this.#smallest = kept ? { options, violation, runs } : { ...this.#smallest, runs };
    this.#settings.onProgress?.(this.#smallest);
    return kept;
  }

  async #violationOf(options: SimulateOptions): Promise<Violation | undefined> {
    const { simulate = simulateForReal } = this.#settings;
    try {
      await simulate(options);
    } catch (error) {
      // Anything else is a run that cannot be, for instance a profile's that needs more nodes.
      if (error instanceof Violation && error.checker === this.#smallest.violation.checker) return error;
    }
    return undefined;
  }
}
