/** Joins pieces of any size and cuts them into chunks of one size; the last may be shorter, and is the only one if all is empty. */
export class ChunkCutter {
  #chunk: Uint8Array;
  #filled = 0;
  #cut = 0;

  constructor(private readonly chunkBytes: number) {
    this.#chunk = new Uint8Array(chunkBytes);
  }

  /** The chunks that are full now. */
  *add(piece: Uint8Array): Iterable<Uint8Array> {
    for (let from = 0; from < piece.length;) {
      const taken = piece.subarray(from, from + this.chunkBytes - this.#filled);
      this.#chunk.set(taken, this.#filled);
      this.#filled += taken.length;
      from += taken.length;
      if (this.#filled < this.chunkBytes) return;
      yield this.#take();
    }
  }

  /** What is left. */
  *end(): Iterable<Uint8Array> {
    if (this.#filled > 0 || this.#cut === 0) yield this.#take();
  }

  #take(): Uint8Array {
    const chunk = this.#chunk.subarray(0, this.#filled);
    this.#chunk = new Uint8Array(this.chunkBytes);
    this.#filled = 0;
    this.#cut++;
    return chunk;
  }
}
