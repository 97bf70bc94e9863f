// Splits piped input into lines, in bytes: an update is what was piped, UTF-8 or not.

/** The largest update that servers take, in bytes. */
export const MAX_UPDATE_BYTES = 1_048_576;

const LF = 0x0a;
const CR = 0x0d;

/** One line of input, without its line end. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** In bytes. */
  readonly length: number;
  /** Absent when there are more than the limit: such a line is not kept in memory. */
  readonly bytes?: Uint8Array;
}

/** Splits at LF or CRLF. The last line counts without one, unless it is empty. */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxBytes = MAX_UPDATE_BYTES,
): AsyncGenerator<Line> {
  const builder = new LineBuilder(maxBytes);
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      builder.add(chunk.subarray(start, end));
      yield builder.take();
      start = end + 1;
    }
    builder.add(chunk.subarray(start));
  }
  if (!builder.empty) yield builder.take();
}

class LineBuilder {
  #number = 0;
  #length = 0;
  #last = 0;
  #pieces: Uint8Array[] = [];

  constructor(readonly maxBytes: number) {}

  get empty(): boolean {
    return this.#length === 0;
  }

  add(piece: Uint8Array): void {
    this.#length += piece.length;
    this.#last = piece.at(-1) ?? this.#last;
    // One more than the limit: it may be the CR of the line end.
    if (this.#length <= this.maxBytes + 1) this.#pieces.push(piece);
    else this.#pieces = [];
  }

  take(): Line {
    const length = this.#length > 0 && this.#last === CR ? this.#length - 1 : this.#length;
    const number = ++this.#number;
    const bytes = length <= this.maxBytes ? Buffer.concat(this.#pieces).subarray(0, length) : undefined;
    this.#length = 0;
    this.#pieces = [];
    return bytes === undefined ? { number, length } : { number, length, bytes };
  }
}
