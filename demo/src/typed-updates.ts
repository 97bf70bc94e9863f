// Typed lines on their way: one after the other, so that they are ordered as they were typed.
import type { Acknowledged, Submitter } from "./client.js";

/** More lines than this are not kept waiting. */
const MOST_WAITING = 1_000;

/** How long an update may take before the person is told why. */
const SLOW_MS = 1_000;

export interface TypedUpdatesOptions {
  readonly client: Submitter;
  readonly signal: AbortSignal;
  /** Awaited before the next update is sent. */
  readonly onOrdered: (text: string, update: Acknowledged) => Promise<void>;
  /** Told once for each update that takes long. */
  readonly onSlow: (text: string) => void;
}

export class TypedUpdates {
  readonly #options: TypedUpdatesOptions;
  readonly #waiting: string[] = [];
  #working = false;

  constructor(options: TypedUpdatesOptions) {
    this.#options = options;
  }

  /** How many are not known to be ordered. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Takes a line; false when too many are waiting. */
  add(text: string): boolean {
    if (this.#waiting.length >= MOST_WAITING) return false;
    this.#waiting.push(text);
    return true;
  }

  /** Sends what waits. Resolves when nothing is left, or another call is at it. Rejects when the signal is aborted. */
  async send(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let text = this.#waiting[0]; text !== undefined; text = this.#waiting[0]) {
        const update = await this.#submit(text);
        this.#waiting.shift();
        await this.#options.onOrdered(text, update);
      }
    } finally {
      this.#working = false;
    }
  }

  async #submit(text: string): Promise<Acknowledged> {
    const { client, signal, onSlow } = this.#options;
    const timer = setTimeout(() => onSlow(text), SLOW_MS);
    try {
      return await client.submit(text, signal);
    } finally {
      clearTimeout(timer);
    }
  }
}
