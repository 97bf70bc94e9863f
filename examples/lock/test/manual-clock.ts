// Time that passes when the test says so.
import { setImmediate } from "node:timers/promises";
import type { ClientClock } from "../src/clock.js";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements ClientClock {
  #now = 1_000;
  readonly #timers = new Set<Timer>();
  /** By how much the time of day of this machine is ahead. */
  skewMs = 0;

  monotonic = () => this.#now;
  wall = () => 1_700_000_000_000 + Math.floor(this.#now) + this.skewMs;

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets so much time pass, and all that is due in it happen, in its order. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await setImmediate();
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await setImmediate();
    }
    this.#now = end;
  }

  /** So much time passes at once: the process was stopped, or starved. */
  jump(ms: number): void {
    this.#now += ms;
  }
}
