/** How many bytes of updates stand between two marks. */
const stepBytes = 64 * 1024;
const stepUpdates = 1024;

/** How large the log is from a seq on, as far as this process has seen it: to a step of 64 KiB or 1,024 updates. */
export class LogSizes {
  /** At the end of each step: its last seq, and the bytes of all updates up to there. */
  #marks: { readonly seq: number; readonly bytes: number }[] = [];
  #last = 0;
  #bytes = 0;
  #marked = { seq: 0, bytes: 0 };

  /** An update of this size stands at this seq, behind all others. */
  add(seq: number, bytes: number): void {
    this.#last = seq;
    this.#bytes += bytes;
    if (this.#bytes - this.#marked.bytes < stepBytes && seq - this.#marked.seq < stepUpdates) return;
    this.#marked = { seq, bytes: this.#bytes };
    this.#marks.push(this.#marked);
  }

  /** The bytes of all updates seen. */
  get total(): number {
    return this.#bytes;
  }

  /** The lowest seq from which on the updates up to `upTo` take no more than `bytes`; 1 when all that was seen do. */
  from(upTo: number, bytes: number): number {
    const end = this.#upTo(upTo);
    if (end <= bytes) return 1;
    const mark = this.#marks.find((one) => end - one.bytes <= bytes);
    return Math.min(upTo, mark?.seq ?? this.#last) + 1;
  }

  /** Nothing below this seq is asked about any more. */
  forget(below: number): void {
    // The mark below stays: it says how much stands before.
    const keep = this.#marks.findIndex(({ seq }) => seq >= below - 1);
    if (keep > 1) this.#marks = this.#marks.slice(keep - 1);
  }

  #upTo(seq: number): number {
    if (seq >= this.#last) return this.#bytes;
    return this.#marks.findLast((mark) => mark.seq <= seq)?.bytes ?? 0;
  }
}
