/** What lasts from one time to another. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** The start or the end of an interval, or the head of the list. */
class Mark<T extends Interval> {
  previous: Mark<T> = this;
  next: Mark<T> = this;

  constructor(
    /** Undefined at the head. */
    readonly entry: Entry<T> | undefined,
    readonly isStart: boolean,
  ) {}

  /** Links it in between its neighbours. */
  link(): void {
    this.previous.next = this;
    this.next.previous = this;
  }

  /** It remembers its neighbours: `link` undoes this when they are neighbours again. */
  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
  }
}

/** An interval in an `EntryList`. */
export class Entry<T extends Interval> {
  /** @internal */
  readonly startMark = new Mark(this, true);
  /** @internal */
  readonly endMark = new Mark(this, false);

  constructor(
    readonly interval: T,
    /** Its place among all, by start. */
    readonly index: number,
  ) {}
}

/**
 * Intervals that are taken out one after the other, and put back in the opposite order: a linked list of all starts
 * and ends by time, so that both cost the same however many there are.
 */
export class EntryList<T extends Interval> {
  readonly #head = new Mark<T>(undefined, false);
  readonly #taken: Entry<T>[] = [];
  readonly #size: number;

  /** @param intervals by start. */
  constructor(intervals: readonly T[]) {
    this.#size = intervals.length;
    const marks = intervals.flatMap((interval, index) => {
      const { startMark, endMark } = new Entry(interval, index);
      return [
        { mark: startMark, time: interval.start },
        { mark: endMark, time: interval.end },
      ];
    });
    // Starts before ends: intervals that only touch overlap.
    marks.sort((a, b) => a.time - b.time || Number(b.mark.isStart) - Number(a.mark.isStart));
    for (const { mark } of marks) {
      mark.previous = this.#head.previous;
      mark.next = this.#head;
      mark.link();
    }
  }

  /** How many have been taken. */
  get taken(): number {
    return this.#taken.length;
  }

  get isEmpty(): boolean {
    return this.#taken.length === this.#size;
  }

  /** Those that start before any other ends, by start. Each may be taken before the next one is asked for. */
  *overlapping(): Generator<Entry<T>, undefined> {
    for (let mark = this.#head.next; mark.isStart; mark = mark.next) if (mark.entry) yield mark.entry;
    return undefined;
  }

  /** When the first of them ends; Infinity when none is left. */
  firstEnd(): number {
    let mark = this.#head.next;
    while (mark.isStart) mark = mark.next;
    return mark.entry?.interval.end ?? Infinity;
  }

  take(entry: Entry<T>): void {
    entry.endMark.unlink();
    entry.startMark.unlink();
    this.#taken.push(entry);
  }

  /** Puts back those taken last, until so many are taken. */
  putBack(until: number): void {
    while (this.#taken.length > until) {
      const entry = this.#taken.pop();
      entry?.startMark.link();
      entry?.endMark.link();
    }
  }
}
