import { expect, test } from "@jest/globals";
import type { RunSummary } from "@paxos/simulator";

import type { Run } from "./run.js";
import { addRun, noTotals, ratesOf, recoveryOf } from "./totals.js";

function summaryOf(run: Run, recoveryTicks: number): RunSummary {
  return {
    ...run,
    nodes: 3,
    traceHash: "0",
    virtualMs: 30_000,
    steps: 1000,
    ticks: 100,
    messages: { sent: 10, delivered: 8, lost: 2, doubled: 1 },
    saves: 5,
    snapshots: { taken: 4, installed: 1, compactions: 3 },
    operations: { issued: 7, ordered: 4, rejected: 2, unknown: 1, retries: 3 },
    reads: 0,
    faults: 3,
    faultsByKind: { crash: 2, partition: 1 },
    epochs: 3,
    views: 2,
    ordered: 4,
    recoveryTicks,
    undecided: 1,
  };
}

test("runs are added up, in all and by profile", () => {
  const totals = noTotals();
  const add = (run: Run, ticks: number, passed = true): void =>
    addRun(totals, run, { summary: summaryOf(run, ticks), busyMs: 50, passed });
  add({ profile: "calm", seed: 1 }, 5);
  add({ profile: "rough", seed: 2 }, 90);
  add({ profile: "rough", seed: 3 }, 100);
  add({ profile: "rough", seed: 4 }, 7);
  // One that failed has not recovered.
  add({ profile: "rough", seed: 5 }, 0, false);
  totals.realMs = 125;

  expect(totals).toMatchObject({
    runs: 5,
    steps: 5000,
    virtualMs: 150_000,
    busyMs: 250,
    faultsByKind: { crash: 10, partition: 5 },
    snapshots: { taken: 20, installed: 5, compactions: 15 },
    operations: { issued: 35, ordered: 20, rejected: 10, unknown: 5, retries: 15 },
    epochs: 15,
    undecided: 5,
    profiles: { calm: { runs: 1, faults: 3 }, rough: { runs: 4, faults: 12 } },
  });
  expect(ratesOf(totals)).toEqual({
    virtualToReal: 1200,
    stepsPerSecond: 40_000,
    stepsPerSecondPerJob: 20_000,
  });
  const { rough = { recoveries: {} } as never } = totals.profiles;
  expect(recoveryOf({ rough })).toEqual({
    medianTicks: 90,
    worstTicks: 100,
    worstSeed: 3,
    worstProfile: "rough",
  });
  expect(recoveryOf(totals.profiles)).toMatchObject({ medianTicks: 7, worstTicks: 100 });
});

test("of nothing there are no rates and no recovery", () => {
  expect(ratesOf(noTotals())).toEqual({ virtualToReal: 0, stepsPerSecond: 0, stepsPerSecondPerJob: 0 });
  expect(recoveryOf({})).toBeUndefined();
});
