// Attempts that are begun at about the same time share what ends them: a controller and a timer for each would cost more than the
// request.
import { setMaxListeners } from "node:events";
import { GRACE_MS } from "./asking.js";
import type { ClientEnvironment } from "./environment.js";
import { FIRST_ATTEMPT_MS } from "./patience.js";

/** For how long others may join. */
const JOIN_MS = 50;

/** Attempts that end together, unless they are answered before. */
export class AttemptGroup {
  readonly #controller = new AbortController();
  readonly #members = new Set<() => void>();
  readonly #opened: number;
  #lastJoined: number;
  #cancelTimer: () => void;

  constructor(
    private readonly environment: ClientEnvironment,
    private readonly attemptMs: number,
    now: number,
    private readonly onEmpty: () => void,
  ) {
    // A transport may listen to it once for each attempt.
    setMaxListeners(0, this.signal);
    this.#opened = this.#lastJoined = now;
    this.#cancelTimer = environment.after(attemptMs, () => this.#onTime());
  }

  /** Aborted when their time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether an attempt that is begun now may still join. */
  isOpen(now: number): boolean {
    return now - this.#opened < JOIN_MS && !this.signal.aborted;
  }

  /** `onDeaf` is called if the attempt has not left in time, although the signal was aborted. */
  join(onDeaf: () => void, now: number): void {
    this.#members.add(onDeaf);
    this.#lastJoined = now;
  }

  leave(onDeaf: () => void): void {
    if (!this.#members.delete(onDeaf) || this.#members.size > 0) return;
    this.#cancelTimer();
    this.onEmpty();
  }

  /** Ends all of them. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Nobody's time is cut short: those that joined last have theirs too. */
  #onTime(): void {
    const left = this.#lastJoined + this.attemptMs - this.environment.now();
    if (left > 0) {
      this.#cancelTimer = this.environment.after(left, () => this.#onTime());
      return;
    }
    this.#cancelTimer = this.environment.after(GRACE_MS, () => {
      for (const onDeaf of this.#members) onDeaf();
    });
    this.abort(new DOMException("no answer in time", "TimeoutError"));
  }
}

/** Finds the group that an attempt may join. */
export class AttemptGroups {
  /** The one that was opened last, for each signal of a caller, and for callers without one. */
  readonly #latest = new Map<AbortSignal | undefined, AttemptGroup>();

  constructor(private readonly environment: ClientEnvironment) {}

  /**
   * One that ends after `attemptMs`, not much later, and no later than after `leftMs`. All its members have the same caller's signal:
   * when that is aborted, the group can be.
   */
  groupFor(caller: AbortSignal | undefined, attemptMs: number, leftMs: number, now: number): AttemptGroup {
    const { environment } = this;
    if (attemptMs !== FIRST_ATTEMPT_MS || leftMs < attemptMs + JOIN_MS)
      return new AttemptGroup(environment, Math.min(attemptMs, leftMs), now, () => undefined);
    const latest = this.#latest.get(caller);
    if (latest?.isOpen(now) === true) return latest;
    const group = new AttemptGroup(environment, attemptMs, now, () => {
      if (this.#latest.get(caller) === group) this.#latest.delete(caller);
    });
    this.#latest.set(caller, group);
    return group;
  }
}
