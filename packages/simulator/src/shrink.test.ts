import { expect, test } from "@jest/globals";

import { type Shrunken, shrink } from "./shrink.js";
import type { SimulateOptions } from "./simulate-options.js";
import { simulate } from "./simulate.js";
import type { RunSummary } from "./summary.js";
import { Violation } from "./violation.js";

const FAULTS = 40;
const FAULTS_EACH_MS = 500;

/** A run of 30 s with a fault every 500 ms, which is found to have failed at its end when all of `needed` have happened. */
function failingAfter(needed: readonly number[], leastNodes = 1) {
  const tried: SimulateOptions[] = [];
  const simulate = async (options: SimulateOptions): Promise<RunSummary> => {
    tried.push(options);
    const { nodes = 5, faultsUntilMs = FAULTS * FAULTS_EACH_MS } = options;
    const happened = Array.from({ length: FAULTS }, (_, number) => number).filter(
      (number) => options.faults?.includes(number) !== false && number * FAULTS_EACH_MS < faultsUntilMs,
    );
    if (nodes < 2) throw new RangeError("this profile needs 2 nodes");
    const summary = summaryOf({ nodes, faults: happened.length, virtualMs: 30_000 });
    const failed = nodes >= leastNodes && needed.every((number) => happened.includes(number));
    if (failed) throw new Violation("one-order", `with ${happened.length} faults`, summary);
    if (happened.length === 3) throw new Violation("liveness", "something else", summary);
    return summary;
  };
  return { simulate, tried };
}

function summaryOf(known: Partial<RunSummary>): RunSummary {
  return {
    epochs: 1,
    seed: 7,
    profile: "rough",
    nodes: 5,
    traceHash: "0",
    virtualMs: 0,
    steps: 0,
    ticks: 0,
    messages: { sent: 0, delivered: 0, lost: 0, doubled: 0 },
    saves: 0,
    snapshots: { taken: 0, installed: 0, compactions: 0 },
    operations: { issued: 0, ordered: 0, rejected: 0, unknown: 0, retries: 0 },
    reads: 0,
    faults: 0,
    faultsByKind: {},
    views: 0,
    ordered: 0,
    recoveryTicks: 0,
    undecided: 0,
    ...known,
  };
}

async function violationOf(run: Promise<RunSummary>): Promise<Violation> {
  const error: unknown = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Violation)) throw new Error("no violation", { cause: error });
  return error;
}

test("leaves the nodes, the time and the faults that are needed", async () => {
  const { simulate } = failingAfter([3, 17, 20], 3);
  const options = { seed: 7 };
  const violation = await violationOf(simulate(options));
  const smallest = await shrink(options, violation, { simulate });
  expect(smallest.options).toMatchObject({ seed: 7, nodes: 3, faults: [3, 17, 20] });
  expect(smallest.options.faultsUntilMs).toBeGreaterThan(20 * FAULTS_EACH_MS);
  expect(smallest.options.faultsUntilMs).toBeLessThanOrEqual(20 * FAULTS_EACH_MS + 100);
  expect(smallest.violation.finding).toBe("with 3 faults");
  expect(await violationOf(simulate(smallest.options))).toEqual(smallest.violation);
});

test("a failure without faults is found to need none", async () => {
  const { simulate } = failingAfter([]);
  const violation = await violationOf(simulate({ seed: 7 }));
  const { options } = await shrink({ seed: 7 }, violation, { simulate });
  expect(options).toEqual({ seed: 7, nodes: 2, faultsUntilMs: 0 });
});

test("what was shrunk before is shrunk further", async () => {
  const { simulate } = failingAfter([3, 17]);
  const options = { seed: 7, nodes: 2, faults: [3, 11, 17, 30], faultsUntilMs: 9000 };
  const violation = await violationOf(simulate(options));
  const smallest = await shrink(options, violation, { simulate });
  expect(smallest.options.faults).toEqual([3, 17]);
  expect(smallest.options.faultsUntilMs).toBeLessThan(9000);
});

test("another checker's finding is another failure", async () => {
  // Three faults, and no fewer, give a violation of liveness, which is not to be taken for this one.
  const { simulate } = failingAfter([1, 2, 3, 4]);
  const violation = await violationOf(simulate({ seed: 7 }));
  const { options, violation: found } = await shrink({ seed: 7 }, violation, { simulate });
  expect(options.faults).toEqual([1, 2, 3, 4]);
  expect(found.checker).toBe("one-order");
});

test("fewer nodes that take longer to fail are not smaller", async () => {
  const simulate = async ({ nodes = 5 }: SimulateOptions): Promise<RunSummary> => {
    throw new Violation("one-order", "", summaryOf({ nodes, steps: nodes < 3 ? 5000 : nodes * 100 }));
  };
  const violation = await violationOf(simulate({ seed: 7 }));
  const { options } = await shrink({ seed: 7 }, violation, { simulate });
  expect(options.nodes).toBe(3);
});

test("a state machine that does not survive a restart is found, and what remains are the restarts", async () => {
  const starts = new Map<number, number>();
  const options = (): SimulateOptions => {
    starts.clear();
    return {
      seed: 1,
      workload: { next: (random) => Uint8Array.of(random.between(0, 255)) },
      stateMachine: (nodeId) => {
        const start = (starts.get(nodeId) ?? 0) + 1;
        starts.set(nodeId, start);
        return { apply: () => Uint8Array.of(start > 2 ? 1 : 0) };
      },
    };
  };
  const anew = async (candidate: SimulateOptions): Promise<RunSummary> =>
    simulate({ ...candidate, ...options() });
  const violation = await violationOf(anew({ seed: 1, nodes: 1 }));
  const smallest = await shrink({ ...options(), nodes: 1 }, violation, { simulate: anew });
  expect(smallest.violation.summary.faults).toBe(smallest.options.faults?.length);
  expect(smallest.violation.summary.faults).toBeLessThan(violation.summary.faults);
  expect(smallest.violation.summary.faultsByKind).toEqual({ crash: expect.any(Number) });
  const again = await violationOf(anew(smallest.options));
  expect(again.summary).toEqual(smallest.violation.summary);
});

test("tries no more runs than it may, and tells of each", async () => {
  const { simulate, tried } = failingAfter([3, 17, 20], 3);
  const violation = await violationOf(simulate({ seed: 7 }));
  tried.length = 0;
  const told: Shrunken[] = [];
  const smallest = await shrink({ seed: 7 }, violation, {
    simulate,
    maxRuns: 12,
    onProgress: (progress) => told.push(progress),
  });
  expect(tried).toHaveLength(12);
  expect(told.map(({ runs }) => runs)).toEqual(tried.map((_, index) => index + 1));
  expect(told.at(-1)).toEqual(smallest);
  expect(await violationOf(simulate(smallest.options))).toEqual(smallest.violation);
});

test("an abort ends the search with what it has", async () => {
  const { simulate, tried } = failingAfter([3, 17, 20], 3);
  const violation = await violationOf(simulate({ seed: 7 }));
  tried.length = 0;
  const abort = new AbortController();
  const smallest = await shrink({ seed: 7 }, violation, {
    simulate,
    signal: abort.signal,
    onProgress: ({ options }) => {
      if (options.nodes === 3) abort.abort();
    },
  });
  expect(smallest.options).toEqual({ seed: 7, nodes: 3 });
  expect(tried).toHaveLength(smallest.runs);
});

test("transcripts of the candidates are not written", async () => {
  const { simulate, tried } = failingAfter([]);
  const options = { seed: 7, trace: () => undefined };
  const violation = await violationOf(simulate(options));
  tried.length = 0;
  await shrink(options, violation, { simulate });
  expect(tried.length).toBeGreaterThan(0);
  expect(tried.every(({ trace }) => trace === undefined)).toBe(true);
});
