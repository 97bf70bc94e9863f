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
