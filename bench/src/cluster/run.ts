// What was measured, by run.
import { medianOf } from "../statistics.js";
import type { Measurement } from "./measurement.js";

/** What one run has measured, or the medians of all runs. */
export interface Run {
  /** By subject and number in flight. */
  readonly results: ReadonlyMap<string, ReadonlyMap<number, Measurement>>;
  /** At a steady rate, half of the best of those; by subject. */
  readonly halves: ReadonlyMap<string, Measurement>;
}

/** All runs have measured the same. */
export function mediansOf(runs: readonly Run[]): Run {
  const [first] = runs;
  const known = (measured: readonly (Measurement | undefined)[]) =>
    medians(measured.filter((each) => each !== undefined));
  const results = [...(first?.results ?? [])].map(([name, byCount]) => {
    const counts = [...byCount.keys()];
    const ofCount = (count: number) => known(runs.map((run) => run.results.get(name)?.get(count)));
    return [name, new Map(counts.map((count) => [count, ofCount(count)]))] as const;
  });
  const names = [...(first?.halves.keys() ?? [])];
  const halves = names.map((name) => [name, known(runs.map((run) => run.halves.get(name)))] as const);
  return { results: new Map(results), halves: new Map(halves) };
}

function medians(samples: readonly Measurement[]): Measurement {
  const of = (value: (measured: Measurement) => number) => medianOf(samples.map(value));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    p999: of(({ p999 }) => p999),
    loadMicros: of(({ loadMicros }) => loadMicros),
    serverMicros: of(({ serverMicros }) => serverMicros),
    lag: of(({ lag }) => lag),
  };
}

/** The most updates per second, of all numbers in flight. */
export function best(byCount: ReadonlyMap<number, Measurement> | undefined): number | undefined {
  if (byCount === undefined) return undefined;
  return Math.max(0, ...[...byCount].map(([, { perSecond }]) => perSecond));
}
