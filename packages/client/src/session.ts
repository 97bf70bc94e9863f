/**
 * The client's side of a registered session: which timestamps are in use, and up to which all are settled. The cluster
 * remembers answers above `answeredUpTo` for it, and refuses timestamps more than a window above that.
 */
export class Session {
  readonly clientId: bigint;
  /** The seq of its registration; undefined until that is known. */
  id: bigint | undefined;
  /** Settled timestamps above `#answeredUpTo`, each at its place modulo the window. */
  readonly #settled: Uint8Array;
  #lastTimestamp = 0;
  #answeredUpTo = 0;

  constructor(clientId: bigint, window: number) {
    this.clientId = clientId;
    this.#settled = new Uint8Array(window);
  }

  /** All updates up to this timestamp are settled, and none of them is sent again. */
  get answeredUpTo(): number {
    return this.#answeredUpTo;
  }

  /** Whether there is a timestamp for another update. */
  get hasRoom(): boolean {
    return this.#lastTimestamp < this.#answeredUpTo + this.#settled.length;
  }

  /** The timestamp of the next update. Only while there is room. */
  nextTimestamp(): number {
    return ++this.#lastTimestamp;
  }

  /** The update with this timestamp is answered, or given up for good. Called once for each. */
  settle(timestamp: number): void {
    const settled = this.#settled;
    settled[timestamp % settled.length] = 1;
    for (;;) {
      const next = (this.#answeredUpTo + 1) % settled.length;
      if (settled[next] !== 1) return;
      settled[next] = 0;
      this.#answeredUpTo++;
    }
  }
}
