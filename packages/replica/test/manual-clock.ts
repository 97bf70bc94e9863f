import type { Clock } from "@paxos/core";

/** Time that passes when the test says so. `soon` needs no time: it is the next turn of the event loop. */
export class ManualClock implements Clock {
  readonly #onTick = new Set<() => void>();

  /** How many are being told of ticks. */
  get listeners(): number {
    return this.#onTick.size;
  }

  every(_intervalMs: number, onTick: () => void): () => void {
    const listener = () => onTick();
    this.#onTick.add(listener);
    return () => this.#onTick.delete(listener);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** One interval passes. */
  tick(): void {
    for (const onTick of this.#onTick) onTick();
  }
}
