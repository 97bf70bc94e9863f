// Timers that many set at about the same time, and nearly all call off: one timer of the environment for all of them.
import type { ClientEnvironment } from "./environment.js";

/** For how long others may join. */
const JOIN_MS = 50;

/** Who waits together. */
interface Group {
  readonly opened: number;
  lastJoined: number;
  readonly callbacks: Set<() => void>;
  cancel: () => void;
}

/** Timers of one length. */
export class SharedTimers {
  #latest: Group | undefined;

  constructor(
    private readonly environment: Pick<ClientEnvironment, "now" | "after">,
    private readonly ms: number,
  ) {}

  /** By how much longer a timer may take that others have joined. */
  static readonly slackMs = JOIN_MS;

  /** Calls `callback` once, after `ms` or a little later, unless the returned function is called before. It must differ from all others. */
  start(callback: () => void): () => void {
    const now = this.environment.now();
    const group = this.#groupFor(now);
    group.lastJoined = now;
    group.callbacks.add(callback);
    return () => this.#leave(group, callback);
  }

  #groupFor(now: number): Group {
    const latest = this.#latest;
    if (latest !== undefined && now - latest.opened < JOIN_MS) return latest;
    const group: Group = { opened: now, lastJoined: now, callbacks: new Set(), cancel: () => undefined };
    group.cancel = this.environment.after(this.ms, () => this.#onTime(group));
    return (this.#latest = group);
  }

  #leave(group: Group, callback: () => void): void {
    if (!group.callbacks.delete(callback) || group.callbacks.size > 0) return;
    group.cancel();
    if (this.#latest === group) this.#latest = undefined;
  }

  /** Nobody's time is cut short: those that joined last have theirs, too. */
  #onTime(group: Group): void {
    const left = group.lastJoined + this.ms - this.environment.now();
    if (left > 0) {
      group.cancel = this.environment.after(left, () => this.#onTime(group));
      return;
    }
    if (this.#latest === group) this.#latest = undefined;
    // Each may call off others.
    for (const callback of group.callbacks) {
      group.callbacks.delete(callback);
      callback();
    }
  }
}
