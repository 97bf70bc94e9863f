// How fast it goes at the moment.
import { type Effort, noEffort } from "./effort.js";

/** Rates are those of the last seconds, so that they follow what goes on. */
const WINDOW_MS = 10_000;

/** Samples of memory that are kept; when there are more, every other one goes. */
const MAX_SAMPLES = 256;

interface Sample {
  readonly atMs: number;
  readonly effort: Effort;
}

/** Per second of real time, lately. */
export interface Pace {
  readonly runs: number;
  readonly steps: number;
  readonly stepsPerJob: number;
  readonly virtualSeconds: number;
}

/** Is told of the effort again and again, and says what it comes to per second. */
export class Meter {
  readonly #samples: Sample[] = [{ atMs: 0, effort: noEffort() }];

  /** @param atMs real time since the beginning. */
  pace(effort: Effort, atMs: number): Pace {
    this.#samples.push({ atMs, effort: { ...effort } });
    while ((this.#samples[1]?.atMs ?? Infinity) <= atMs - WINDOW_MS) this.#samples.shift();
    const [before = { atMs: 0, effort: noEffort() }] = this.#samples;
    const per = (amount: number, ms: number): number => (ms > 0 ? (amount * 1000) / ms : 0);
    const ms = atMs - before.atMs;
    const steps = effort.steps - before.effort.steps;
    return {
      runs: per(effort.runs - before.effort.runs, ms),
      steps: per(steps, ms),
      stepsPerJob: per(steps, effort.busyMs - before.effort.busyMs),
      virtualSeconds: per(effort.virtualMs - before.effort.virtualMs, ms) / 1000,
    };
  }
}

/** Resident memory, in bytes, over the time of a sitting. */
export interface Memory {
  /** When the first runs had ended: threads and compiled code are there by then. */
  readonly start: number;
  readonly middle: number;
  readonly end: number;
}

/** Samples memory at equal distances, however long it takes. */
export class MemoryLog {
  #samples: number[] = [];
  #every = 1;
  #calls = 0;

  sample(bytes: number): void {
    if (this.#calls++ % this.#every !== 0) return;
    this.#samples.push(bytes);
    if (this.#samples.length < MAX_SAMPLES) return;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }

  /** @param now the last sample, in bytes. */
  summary(now: number): Memory {
    const [start = now] = this.#samples;
    return { start, middle: this.#samples[this.#samples.length >> 1] ?? now, end: now };
  }
}
