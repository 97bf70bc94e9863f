// Runs one after the other on several threads, until one fails or there are no more.
import { addEffort, noEffort } from "./effort.js";
import { type Finding, addFinding } from "./findings.js";
import type { Plan } from "./plan.js";
import type { Outcome, Run } from "./run.js";
import { type Totals, addRun } from "./totals.js";

/** How far a hunt has come. Counts runs in the order of the plan: all before `done`, and none after. */
export interface Standing {
  done: number;
  totals: Totals;
  findings: Finding[];
}

/** Does one run at a time. */
export interface Runner {
  /** Undefined when it was stopped meanwhile. */
  run(run: Run): Promise<Outcome | undefined>;
  /** Ends the run that is under way, and does no other. */
  stop(): void;
}

export interface HuntOptions {
  readonly newRunner: () => Runner;
  readonly plan: Plan;
  /** Where to begin; moves on as runs end. */
  readonly standing: Standing;
  readonly jobs: number;
  /** Counts failures; else the first ends the hunt. */
  readonly keepGoing: boolean;
}

/** One sitting. */
export class Hunt {
  /** In whatever order runs have ended. */
  readonly effort = noEffort();
  readonly #options: HuntOptions;
  readonly #runners: readonly Runner[];
  /** The index of the run that each is doing. */
  readonly #underWay = new Map<Runner, number>();
  /** Runs that have ended before all those before them. */
  readonly #early = new Map<number, Outcome>();
  #next: number;
  /** Where it stops: runs from here on do not count. */
  #end: number;

  constructor(options: HuntOptions) {
    const { plan, standing, jobs } = options;
    this.#options = options;
    this.#next = standing.done;
    this.#end = plan.size;
    const runners = Math.max(0, Math.min(jobs, plan.size - standing.done));
    this.#runners = Array.from({ length: runners }, () => options.newRunner());
  }

  /** Ends with the plan, at a failure unless it keeps going, or when `signal` is aborted. Gives the failure that ended it. */
  async run(signal: AbortSignal): Promise<Finding | undefined> {
    const stop = (): void => this.#runners.forEach((runner) => runner.stop());
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      await Promise.all(this.#runners.map((runner) => this.#work(runner)));
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
    const failure = this.#early.get(this.#end);
    if (failure === undefined || failure.kind === "passed") return undefined;
    return { run: this.#options.plan.at(this.#end), failure, runs: 1 };
  }

  async #work(runner: Runner): Promise<void> {
    while (this.#next < this.#end) {
      const index = this.#next++;
      this.#underWay.set(runner, index);
      const outcome = await runner.run(this.#options.plan.at(index));
      if (outcome === undefined) break;
      this.#ended(index, outcome);
    }
    this.#underWay.delete(runner);
  }

  #ended(index: number, outcome: Outcome): void {
    addEffort(this.effort, outcome);
    if (index > this.#end) return;
    this.#early.set(index, outcome);
    if (outcome.kind !== "passed" && !this.#options.keepGoing) this.#endAt(index);
    this.#count();
  }

  /** Runs before this one that are under way may fail as well, and the first counts. */
  #endAt(index: number): void {
    this.#end = index;
    for (const [runner, other] of this.#underWay) if (other > index) runner.stop();
  }

  /** Counts, in the order of the plan, all runs that have ended. */
  #count(): void {
    const { plan, standing } = this.#options;
    for (;;) {
      const outcome = this.#early.get(standing.done);
      if (outcome === undefined || standing.done >= this.#end) return;
      this.#early.delete(standing.done);
      const run = plan.at(standing.done++);
      const passed = outcome.kind === "passed";
      if (!passed) addFinding(standing.findings, run, outcome);
      if (outcome.kind !== "broken") {
        addRun(standing.totals, run, { summary: outcome.summary, busyMs: outcome.busyMs, passed });
      }
    }
  }
}
