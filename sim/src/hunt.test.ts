import { setImmediate } from "node:timers/promises";

import { describe, expect, test } from "@jest/globals";
import type { RunSummary } from "@paxos/simulator";

import { Hunt, type HuntOptions, type Runner } from "./hunt.js";
import { beginning } from "./place-file.js";
import { freshSeeds } from "./plan.js";
import type { Outcome, Run } from "./run.js";

const never = new AbortController().signal;

const summaryOf = (seed: number): RunSummary => ({
  seed,
  profile: "calm",
  nodes: 3,
  traceHash: String(seed),
  virtualMs: 1000,
  steps: seed,
  ticks: 0,
  messages: { sent: 0, delivered: 0, lost: 0, doubled: 0 },
  saves: 0,
  snapshots: { taken: 0, installed: 0, compactions: 0 },
  operations: { issued: 0, ordered: 0, rejected: 0, unknown: 0, retries: 0 },
  reads: 0,
  faults: 0,
  faultsByKind: {},
  epochs: 1,
  views: 0,
  ordered: 0,
  recoveryTicks: seed,
  undecided: 0,
});

const passed = (seed: number): Outcome => ({ kind: "passed", summary: summaryOf(seed), busyMs: 1 });

const failed = (seed: number, checker = "one-order"): Outcome => ({
  kind: "violation",
  checker,
  finding: `finding ${seed}`,
  summary: summaryOf(seed),
  busyMs: 1,
});

/** Runs whose ends are the test's to decide. */
class Stage {
  readonly underWay = new Map<number, (outcome: Outcome | undefined) => void>();
  readonly begun: number[] = [];
  readonly #changes = new Set<() => void>();

  readonly newRunner = (): Runner => {
    let current: number | undefined;
    let stopped = false;
    return {
      run: async ({ seed }: Run) => {
        if (stopped) return undefined;
        current = seed;
        this.begun.push(seed);
        return new Promise((resolve) => {
          this.underWay.set(seed, resolve);
          for (const changed of this.#changes) changed();
        });
      },
      stop: () => {
        stopped = true;
        if (current !== undefined) this.#end(current, undefined);
      },
    };
  };

  /** Ends the run of a seed once it has begun. */
  async end(seed: number, outcome: Outcome): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.underWay.has(seed)) resolve();
      };
      this.#changes.add(look);
      look();
    });
    this.#end(seed, outcome);
    // What follows from it happens.
    await setImmediate();
  }

  #end(seed: number, outcome: Outcome | undefined): void {
    this.underWay.get(seed)?.(outcome);
    this.underWay.delete(seed);
  }
}

function optionsFor(stage: Stage, runs: number, change: Partial<HuntOptions> = {}): HuntOptions {
  const plan = freshSeeds({ profiles: ["calm"], from: 0, runs });
  return { newRunner: stage.newRunner, plan, standing: beginning(), jobs: 3, keepGoing: false, ...change };
}

describe("a hunt", () => {
  test("does every run once, and counts them in order whatever order they end in", async () => {
    const stage = new Stage();
    const options = optionsFor(stage, 5);
    const hunt = new Hunt(options);
    const end = hunt.run(never);
    const { standing } = options;
    await stage.end(2, passed(2));
    await stage.end(1, passed(1));
    await stage.end(3, passed(3));
    expect(standing).toMatchObject({ done: 0, totals: { runs: 0 } });
    expect(hunt.effort).toMatchObject({ runs: 3, steps: 6 });
    await stage.end(0, passed(0));
    await stage.end(4, passed(4));
    expect(await end).toBeUndefined();
    expect(standing).toMatchObject({ done: 5, totals: { runs: 5, steps: 10 }, findings: [] });
    expect(stage.begun.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });

  test("ends at the lowest failing seed of those under way", async () => {
    const stage = new Stage();
    const options = optionsFor(stage, 100);
    const end = new Hunt(options).run(never);
    await stage.end(1, passed(1));
    await stage.end(3, failed(3));
    // 0 and 2 are under way, come before, and are waited for.
    await stage.end(2, failed(2));
    expect(stage.underWay.has(0)).toBe(true);
    await stage.end(0, passed(0));
    expect(await end).toMatchObject({ run: { seed: 2 }, failure: { finding: "finding 2" } });
    expect(options.standing).toMatchObject({ done: 2, totals: { runs: 2 } });
    expect(stage.begun).toEqual([0, 1, 2, 3]);
  });

  test("does not wait for runs after the failing one", async () => {
    const stage = new Stage();
    const options = optionsFor(stage, 100);
    const end = new Hunt(options).run(never);
    await stage.end(0, failed(0));
    expect(await end).toMatchObject({ run: { seed: 0 } });
    expect(options.standing).toMatchObject({ done: 0, totals: { runs: 0 } });
  });

  test("counts failures by checker and profile when it keeps going", async () => {
    const stage = new Stage();
    const options = optionsFor(stage, 5, { keepGoing: true, jobs: 1 });
    const end = new Hunt(options).run(never);
    await stage.end(0, failed(0, "one-order"));
    await stage.end(1, passed(1));
    await stage.end(2, { kind: "broken", reason: "endless", busyMs: 1 });
    await stage.end(3, failed(3, "one-order"));
    await stage.end(4, failed(4, "liveness"));
    expect(await end).toBeUndefined();
    const { done, totals, findings } = options.standing;
    // Of a broken run nobody knows what it did.
    expect({ done, runs: totals.runs }).toEqual({ done: 5, runs: 4 });
    expect(findings).toMatchObject([
      { run: { seed: 0 }, failure: { checker: "one-order" }, runs: 2 },
      { run: { seed: 2 }, failure: { kind: "broken" }, runs: 1 },
      { run: { seed: 4 }, failure: { checker: "liveness" }, runs: 1 },
    ]);
  });

  test("stops when told to, and another sitting goes on from there", async () => {
    const stage = new Stage();
    const options = optionsFor(stage, 6);
    const abort = new AbortController();
    const end = new Hunt(options).run(abort.signal);
    await stage.end(0, passed(0));
    await stage.end(2, passed(2));
    await stage.end(3, passed(3));
    abort.abort();
    expect(await end).toBeUndefined();
    // 1 was under way, so 2 and 3 are done again.
    expect(options.standing).toMatchObject({ done: 1, totals: { runs: 1 } });
    const next = new Stage();
    const second = new Hunt({ ...options, newRunner: next.newRunner }).run(never);
    for (const seed of [1, 2, 3, 4, 5]) await next.end(seed, passed(seed));
    await second;
    expect(options.standing).toMatchObject({ done: 6, totals: { runs: 6, steps: 15 } });
  });
});
