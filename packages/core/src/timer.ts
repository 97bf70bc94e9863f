/** A timer that is asked, never a callback: the core has no clock but the count of its ticks. */
export class Timer {
  #since = 0;
  #duration: number;

  /** @param duration in ticks. */
  constructor(duration: number) {
    this.#duration = duration;
  }

  /** Starts the timer anew, with the same duration unless another is given. */
  restart(now: number, duration = this.#duration): void {
    this.#since = now;
    this.#duration = duration;
  }

  /** Whether the duration has passed since the last start. */
  expired(now: number): boolean {
    return now - this.#since >= this.#duration;
  }
}
