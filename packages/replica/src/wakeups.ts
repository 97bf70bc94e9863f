/** Whoever waits for something to happen again. */
export class Wakeups {
  readonly #waiting = new Set<() => void>();
  #ended = false;

  /** Resolves the next time, or when the signal is aborted, or at the end. */
  next(signal?: AbortSignal): Promise<void> {
    if (this.#ended || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal?.addEventListener("abort", done);
    });
  }

  /** It has happened. */
  wake(): void {
    // Mostly nobody waits, and it happens all the time.
    if (this.#waiting.size === 0) return;
    // Whoever is woken removes itself.
    for (const done of Array.from(this.#waiting)) done();
  }

  /** It will not happen any more. */
  end(): void {
    this.#ended = true;
    this.wake();
  }
}
