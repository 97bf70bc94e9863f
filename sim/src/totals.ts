// What many runs did, added up. Plain data, so that it can be kept in a file.
import type { RunSummary } from "@paxos/simulator";

import type { Run } from "./run.js";

/** Sums over runs. */
interface Sums {
  runs: number;
  virtualMs: number;
  steps: number;
  ticks: number;
  saves: number;
  faults: number;
  epochs: number;
  views: number;
  ordered: number;
  undecided: number;
  /** Milliseconds that threads worked. */
  busyMs: number;
}

export interface Totals extends Sums {
  messages: Record<keyof RunSummary["messages"], number>;
  operations: Record<keyof RunSummary["operations"], number>;
  snapshots: Record<keyof RunSummary["snapshots"], number>;
  faultsByKind: Record<string, number>;
  /** By the profile's name. */
  profiles: Record<string, ProfileTotals>;
  /** Real milliseconds that went by, all sittings together. */
  realMs: number;
}

export interface ProfileTotals extends Sums {
  /** How many of the runs that passed took so many ticks to recover. Runs of one profile differ little, so they are few. */
  recoveries: Record<string, number>;
  /** A seed that took longest. */
  slowest?: { readonly seed: number; readonly ticks: number };
}

export function noTotals(): Totals {
  return {
    ...noSums(),
    messages: { sent: 0, delivered: 0, lost: 0, doubled: 0 },
    operations: { issued: 0, ordered: 0, rejected: 0, unknown: 0, retries: 0 },
    snapshots: { taken: 0, installed: 0, compactions: 0 },
    faultsByKind: {},
    profiles: {},
    realMs: 0,
  };
}

function noSums(): Sums {
  return {
    runs: 0,
    virtualMs: 0,
    steps: 0,
    ticks: 0,
    saves: 0,
    faults: 0,
    epochs: 0,
    views: 0,
    ordered: 0,
    undecided: 0,
    busyMs: 0,
  };
}

/** Adds a run. One that failed has not recovered. */
export function addRun(
  totals: Totals,
  run: Run,
  { summary, busyMs, passed }: { summary: RunSummary; busyMs: number; passed: boolean },
): void {
  const profile = (totals.profiles[run.profile] ??= { ...noSums(), recoveries: {} });
  for (const sums of [totals, profile]) addSums(sums, summary, busyMs);
  addEach(totals.messages, summary.messages);
  addEach(totals.operations, summary.operations);
  addEach(totals.snapshots, summary.snapshots);
  addEach(totals.faultsByKind, summary.faultsByKind);
  if (!passed) return;
  const ticks = summary.recoveryTicks;
  addEach(profile.recoveries, { [ticks]: 1 });
  if (ticks > (profile.slowest?.ticks ?? -1)) profile.slowest = { seed: run.seed, ticks };
}

function addSums(sums: Sums, summary: RunSummary, busyMs: number): void {
  sums.runs += 1;
  sums.virtualMs += summary.virtualMs;
  sums.steps += summary.steps;
  sums.ticks += summary.ticks;
  sums.saves += summary.saves;
  sums.faults += summary.faults;
  sums.epochs += summary.epochs;
  sums.views += summary.views;
  sums.ordered += summary.ordered;
  sums.undecided += summary.undecided;
  sums.busyMs += busyMs;
}

function addEach(sums: Record<string, number>, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) sums[name] = (sums[name] ?? 0) + value;
}

/** Ticks from the end of faults to recovery. */
export interface Recovery {
  readonly medianTicks: number;
  readonly worstTicks: number;
  readonly worstSeed: number;
  readonly worstProfile: string;
}

/** Of these profiles together. Undefined when none of their runs has passed. */
export function recoveryOf(profiles: Readonly<Record<string, ProfileTotals>>): Recovery | undefined {
  const runsByTicks = new Map<number, number>();
  let worst: Omit<Recovery, "medianTicks"> | undefined;
  for (const [name, { recoveries, slowest }] of Object.entries(profiles)) {
    for (const [ticks, runs] of Object.entries(recoveries)) {
      runsByTicks.set(Number(ticks), (runsByTicks.get(Number(ticks)) ?? 0) + runs);
    }
    if (slowest === undefined || slowest.ticks <= (worst?.worstTicks ?? -1)) continue;
    worst = { worstTicks: slowest.ticks, worstSeed: slowest.seed, worstProfile: name };
  }
  return worst && { medianTicks: medianOf(runsByTicks), ...worst };
}

/** @param counts how often there is each value. */
function medianOf(counts: ReadonlyMap<number, number>): number {
  const ascending = [...counts].toSorted(([a], [b]) => a - b);
  const half = ascending.reduce((sum, [, times]) => sum + times, 0) / 2;
  let seen = 0;
  const [median = 0] = ascending.find(([, times]) => (seen += times) >= half) ?? [];
  return median;
}

/** What follows from the sums. */
export function ratesOf({ virtualMs, steps, busyMs, realMs }: Totals): Rates {
  return {
    virtualToReal: ratio(virtualMs, realMs),
    stepsPerSecond: ratio(steps, realMs / 1000),
    stepsPerSecondPerJob: ratio(steps, busyMs / 1000),
  };
}

export interface Rates {
  /** Virtual seconds per real second. */
  readonly virtualToReal: number;
  readonly stepsPerSecond: number;
  /** Of one thread that works all the time, all checkers on. */
  readonly stepsPerSecondPerJob: number;
}

function ratio(amount: number, of: number): number {
  return of > 0 ? amount / of : 0;
}
