// Time for tests: when nothing else happens any more, it jumps to the next timer.
import { setImmediate } from "node:timers/promises";

/** For so many turns of the event loop nothing has happened. */
const IDLE_TURNS = 50;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class VirtualTime {
  /** In milliseconds. */
  now = 0;
  readonly #timers = new Set<Timer>();
  #idleTurns = 0;
  #stopped = false;

  /** @param frozen - Time passes only by {@link advance}. */
  constructor(frozen: boolean) {
    if (!frozen) void this.#run();
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { at: this.now + ms, callback };
    this.#timers.add(timer);
    this.#idleTurns = 0;
    return () => {
      this.#idleTurns = 0;
      this.#timers.delete(timer);
    };
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const onEnd = (): void => {
        cancel();
        signal.removeEventListener("abort", onEnd);
        resolve();
      };
      const cancel = this.after(ms, onEnd);
      signal.addEventListener("abort", onEnd);
    });
  }

  /** Lets time pass, and what was to happen meanwhile happen. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > until) break;
      this.#fire(next);
    }
    this.now = until;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await setImmediate();
      if (++this.#idleTurns < IDLE_TURNS) continue;
      const next = this.#next();
      if (next !== undefined) this.#fire(next);
    }
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#idleTurns = 0;
    this.now = Math.max(this.now, timer.at);
    timer.callback();
  }
}
