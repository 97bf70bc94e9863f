import type { Clock } from "@paxos/core";

/** The time of the machine, by Node's timers. */
export const systemClock: Clock = {
  every(intervalMs, onTick) {
    // An interval whose event loop was stalled fires once, not once for each interval missed.
    const timer = setInterval(onTick, intervalMs);
    return () => clearInterval(timer);
  },
  soon(callback) {
    setImmediate(callback);
  },
  now: () => performance.now(),
};
