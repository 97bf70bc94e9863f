import type { RequestError } from "@paxos/core";

/** The pieces of a stream that have come and have not been taken, and then its end. */
export class StreamPieces<T> {
  #pieces: T[] = [];
  #ended = false;
  #error: RequestError | undefined;
  #wake: (() => void) | undefined;

  /** Pieces that wait to be taken. */
  get length(): number {
    return this.#pieces.length;
  }

  /** No more pieces can come. */
  get over(): boolean {
    return this.#ended;
  }

  add(piece: T): void {
    if (this.#ended) return;
    this.#pieces.push(piece);
    this.#wake?.();
  }

  /** No more pieces come, as this was the end, or because of the error. */
  end(error?: RequestError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** The caller wants no more: neither what has come already. */
  abort(error: RequestError): void {
    this.#pieces = [];
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** The next piece; undefined at the end. Rejects with the error that ended the stream. */
  async next(): Promise<T | undefined> {
    while (this.#pieces.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    const piece = this.#pieces.shift();
    if (piece === undefined && this.#error !== undefined) throw this.#error;
    return piece;
  }
}
