/** Bounds of the pause between two attempts to connect. */
export interface BackOffOptions {
  /** The first pause. */
  readonly minMs: number;
  /** The longest pause. */
  readonly maxMs: number;
}

/** Pauses that double from `minMs` to `maxMs`. Up to half of each is left out at random, so that nodes do not dial in step. */
export class BackOff {
  #nextMs: number;

  constructor(
    private readonly options: BackOffOptions,
    private readonly random: () => number = Math.random,
  ) {
    this.#nextMs = options.minMs;
  }

  /** The next pause in milliseconds. */
  next(): number {
    const pause = this.#nextMs;
    this.#nextMs = Math.min(pause * 2, this.options.maxMs);
    return pause * (1 - this.random() / 2);
  }

  /** Starts again at `minMs`. */
  reset(): void {
    this.#nextMs = this.options.minMs;
  }
}
