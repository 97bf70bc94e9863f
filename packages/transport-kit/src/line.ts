/** First in, first out, for entries that may go before it is their turn. */
export class Line<T extends { readonly gone: boolean }> {
  #entries: T[] = [];
  #next = 0;
  /** How many in it are gone. */
  #gone = 0;

  push(entry: T): void {
    this.#entries.push(entry);
  }

  /** The first that is not gone; undefined when there is none. */
  first(): T | undefined {
    for (; this.#next < this.#entries.length; this.#next++) {
      const entry = this.#entries[this.#next] as T;
      if (!entry.gone) return entry;
      this.#gone--;
    }
    this.#entries = [];
    this.#next = 0;
    return undefined;
  }

  /** Takes the first away. */
  shift(): T | undefined {
    const first = this.first();
    if (first === undefined) return undefined;
    this.#next++;
    // What was taken is not held for long, however many follow.
    if (this.#next >= 1024 && 2 * this.#next >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#next);
      this.#next = 0;
    }
    return first;
  }

  /** To be called when one that stands in it has gone. It is not held for long either. */
  left(): void {
    if (++this.#gone < 1024 || 2 * this.#gone < this.#entries.length - this.#next) return;
    this.#entries = [...this];
    this.#next = this.#gone = 0;
  }

  /** Those that are not gone, in their order. */
  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#next; i < this.#entries.length; i++) {
      const entry = this.#entries[i] as T;
      if (!entry.gone) yield entry;
    }
  }
}
