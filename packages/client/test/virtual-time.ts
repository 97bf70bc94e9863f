// Time that passes only when the test says so, and chance that comes from a seed.
import type { ClientEnvironment } from "../src/index.js";

interface Timer {
  readonly due: number;
  readonly number: number;
  readonly callback: () => void;
}

/** Timers in the order of their time; a binary heap. */
class Heap {
  readonly #timers: Timer[] = [];

  get first(): Timer | undefined {
    return this.#timers[0];
  }

  push(timer: Timer): void {
    const timers = this.#timers;
    let i = timers.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(timer, timers[parent] as Timer)) break;
      timers[i] = timers[parent] as Timer;
      i = parent;
    }
    timers[i] = timer;
  }

  pop(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= timers.length) break;
      if (child + 1 < timers.length && isBefore(timers[child + 1] as Timer, timers[child] as Timer)) child++;
      if (!isBefore(timers[child] as Timer, last)) break;
      timers[i] = timers[child] as Timer;
      i = child;
    }
    timers[i] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.number < b.number);
}

export class VirtualTime {
  #now = 0;
  #number = 0;
  #open = 0;
  readonly #heap = new Heap();
  readonly #cancelled = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#open;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.#now + ms, number: this.#number++, callback };
    this.#heap.push(timer);
    this.#open++;
    let isSet = true;
    const clear = (): void => {
      if (!isSet) return;
      isSet = false;
      this.#open--;
      this.#cancelled.add(timer);
    };
    const fire = timer.callback;
    timer.callback = () => {
      isSet = false;
      this.#open--;
      fire();
    };
    return clear;
  }

  /** Lets time pass, each timer at its time; what follows from one is done before the next. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await microtasks();
    for (;;) {
      const timer = this.#heap.first;
      if (timer === undefined || timer.due > end) break;
      this.#heap.pop();
      if (this.#cancelled.delete(timer)) continue;
      this.#now = timer.due;
      timer.callback();
      await microtasks();
    }
    this.#now = end;
  }
}

/** Until all promises that can be settled are. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 up to, but without, 1; the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** An environment on virtual time. Client ids are 1, 2, 3 and so on. */
export function virtualEnvironment(
  time: VirtualTime,
  random: () => number = () => 0,
  sessionWindow = 1024,
): ClientEnvironment {
  let clientId = 0n;
  return {
    now: () => time.now(),
    after: (ms, callback) => time.after(ms, callback),
    random,
    clientId: () => ++clientId,
    sessionWindow,
  };
}
