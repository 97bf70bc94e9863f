import type { Logger } from "@paxos/core";

/** Warns at a limited rate, so that a peer or client that misbehaves cannot fill a disk with lines. */
export class LimitedLog {
  readonly #kinds = new Map<string, { nextAt: number; skipped: number }>();

  constructor(
    private readonly logger: Logger,
    private readonly intervalMs = 10_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Logs `line`, at most once per interval and `kind`. There must be few kinds, and none made of peers' input. */
  warn(kind: string, line: string): void {
    const state = this.#kinds.get(kind) ?? { nextAt: -Infinity, skipped: 0 };
    this.#kinds.set(kind, state);
    if (this.now() < state.nextAt) {
      state.skipped++;
      return;
    }
    this.logger.warn(state.skipped === 0 ? line : `${line} (and ${state.skipped} more like this)`);
    state.nextAt = this.now() + this.intervalMs;
    state.skipped = 0;
  }
}
