/** Seqs from `from` on, below `end`. */
export interface Interval {
  readonly from: number;
  readonly end: number;
}

/** A set of seqs, added interval by interval, mostly in ascending order, and asked when all have been added. */
export class Intervals {
  #intervals: Interval[] = [];
  #sorted = true;

  add(interval: Interval): void {
    const last = this.#intervals.at(-1);
    if (last !== undefined && last.from <= interval.from && interval.from <= last.end) {
      this.#intervals[this.#intervals.length - 1] = {
        from: last.from,
        end: Math.max(last.end, interval.end),
      };
    } else {
      this.#sorted &&= last === undefined || last.end < interval.from;
      this.#intervals.push(interval);
    }
  }

  get isEmpty(): boolean {
    return this.#intervals.length === 0;
  }

  /** Whether a seq of this interval is in the set. */
  meets({ from, end }: Interval): boolean {
    if (!this.#sorted) this.#sort();
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#intervals[middle]?.end ?? 0) <= from) low = middle + 1;
      else high = middle;
    }
    return (this.#intervals[low]?.from ?? Infinity) < end;
  }

  #sort(): void {
    const intervals = this.#intervals.sort((a, b) => a.from - b.from);
    this.#intervals = [];
    this.#sorted = true;
    for (const interval of intervals) this.add(interval);
  }
}
