// Time, as commands tell it. Replicas must agree on what has expired, so they ask no clock of their own: each command says what time its
// sender has, and time passes by commands alone.

export interface LogicalTime {
  /** Milliseconds that have passed. This is what leases are measured in; it never goes back. */
  elapsed: number;
  /** The latest time of day that any command has told, in milliseconds since 1970; 0 before the first one. */
  wall: number;
}

/**
 * By so much a single command moves time ahead at most. A client whose clock is ahead ends other clients' leases early, once and by so much;
 * fencing tokens keep that harmless. From then on time stands still until the true time has come to where that clock was: the leases
 * of those that crash last so much longer, unless `resetClock` is sent. A clock that is behind does nothing. The price: when nobody sends anything for
 * long, no more than this is counted of it.
 */
export const MAX_STEP_MS = 60_000;

/** How much will have passed when a command says that it is `now`. */
export function elapsedBy({ elapsed, wall }: LogicalTime, now: number): number {
  if (wall === 0) return elapsed;
  return elapsed + Math.min(Math.max(0, now - wall), MAX_STEP_MS);
}

/** A command has said that it is `now`. */
export function advance(time: LogicalTime, now: number): void {
  time.elapsed = elapsedBy(time, now);
  time.wall = Math.max(time.wall, now);
}
