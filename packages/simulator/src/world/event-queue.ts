/** Something that is going to happen. */
interface Event {
  /** Virtual time, in microseconds. */
  readonly time: number;
  /** Breaks ties: what was scheduled first happens first. */
  readonly order: number;
  readonly run: () => void;
}

/** What is going to happen, soonest first: a binary heap. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #scheduled = 0;

  /** The time of the next event; Infinity when there is none. */
  get nextTime(): number {
    return this.#heap[0]?.time ?? Infinity;
  }

  push(time: number, run: () => void): void {
    const heap = this.#heap;
    const event = { time, order: this.#scheduled++, run };
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Event, heap[child] as Event)) child = right;
      if (isBefore(last, heap[child] as Event)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
