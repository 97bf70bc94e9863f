/** What those who only read are like. */
export interface ReaderConditions {
  /** How many there are. */
  readonly readers: readonly [number, number];
  /** What a reader thinks between two reads, in milliseconds. */
  readonly thinkMs: readonly [number, number];
  /** Chance in 1,000 that a node is asked that takes itself for the leader: of those there may be several. */
  readonly leaderPerMille: number;
  /** Chance in 1,000 that leaders have leases in a run in which there are readers. */
  readonly leasesPerMille: number;
  /** The shortest lease, in ticks; or in 1,000 of the longest, if that is longer. */
  readonly leastLease: readonly [ticks: number, perMille: number];
}

export const usualReaders: ReaderConditions = {
  readers: [2, 5],
  thinkMs: [2, 100],
  leaderPerMille: 400,
  leasesPerMille: 400,
  leastLease: [3, 0],
};
