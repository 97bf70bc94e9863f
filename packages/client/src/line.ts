/** A place in a {@link Line}. */
export interface Standing<T> {
  ahead: T | undefined;
  behind: T | undefined;
}

/** A line that may be left from any place, at the same cost whatever its length. */
export class Line<T extends Standing<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;

  get first(): T | undefined {
    return this.#first;
  }

  get length(): number {
    return this.#length;
  }

  /** At the end. */
  join(one: T): void {
    one.ahead = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.behind = one;
    this.#last = one;
    this.#length++;
  }

  /** At the start. */
  jump(one: T): void {
    one.behind = this.#first;
    if (this.#first === undefined) this.#last = one;
    else this.#first.ahead = one;
    this.#first = one;
    this.#length++;
  }

  /** Only one that stands in it. */
  leave(one: T): void {
    if (one.ahead === undefined) this.#first = one.behind;
    else one.ahead.behind = one.behind;
    if (one.behind === undefined) this.#last = one.ahead;
    else one.behind.ahead = one.ahead;
    one.ahead = one.behind = undefined;
    this.#length--;
  }
}
