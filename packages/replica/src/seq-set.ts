/** Seqs of a page: 64 Ki, at a bit each 8 KiB. */
const pageBits = 16;

/** A set of seqs, in pages of bits: a few seqs in a long log take little, and all of them an eighth of a byte each. */
export class SeqSet {
  readonly #pages = new Map<number, Uint8Array>();

  add(seq: number): void {
    const number = Math.floor(seq / 2 ** pageBits);
    let page = this.#pages.get(number);
    if (page === undefined) this.#pages.set(number, (page = new Uint8Array(2 ** pageBits / 8)));
    const bit = seq % 2 ** pageBits;
    page[bit >> 3] = (page[bit >> 3] as number) | (1 << (bit & 7));
  }

  has(seq: number): boolean {
    const page = this.#pages.get(Math.floor(seq / 2 ** pageBits));
    const bit = seq % 2 ** pageBits;
    return page !== undefined && ((page[bit >> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  /** Those from `from` on up to `upTo`, in ascending order. */
  between(from: number, upTo: number): number[] {
    const found: number[] = [];
    for (const number of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const first = number * 2 ** pageBits;
      const end = Math.min(first + 2 ** pageBits - 1, upTo);
      for (let seq = Math.max(first, from); seq <= end; seq++) if (this.has(seq)) found.push(seq);
    }
    return found;
  }

  /** Forgets those below a seq, a page at a time: some may stay. */
  forget(below: number): void {
    const page = Math.floor(below / 2 ** pageBits);
    for (const number of this.#pages.keys()) if (number < page) this.#pages.delete(number);
  }
}
