/** What one load has measured. */
export interface Measurement {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Microseconds of processor time for an update: of the load, and of all servers together. */
  readonly loadMicros: number;
  readonly serverMicros: number;
  /** The 99th percentile of how late the leader's event loop was, in milliseconds; NaN where there is none. */
  readonly lag: number;
}

/** The medians of all runs, by subject and number in flight. */
export type Results = ReadonlyMap<string, ReadonlyMap<number, Measurement>>;

/** The most updates per second, of all numbers in flight. */
export function best(byCount: ReadonlyMap<number, Measurement> | undefined): number {
  return Math.max(0, ...[...(byCount ?? [])].map(([, { perSecond }]) => perSecond));
}
