import { scramble } from "../random.js";

/**
 * A digest of everything that happens, in order, and on demand a transcript of it. The digest is made of
 * numbers alone, so that a run without a transcript pays little for it.
 */
export class Trace {
  #a = 0x243f6a88;
  #b = 0x85a308d3;
  /** Whether somebody reads the lines. Asked before a line is put together. */
  readonly verbose: boolean;

  constructor(
    private readonly now: () => number,
    private readonly onLine?: (line: string) => void,
  ) {
    this.verbose = onLine !== undefined;
  }

  /** Something has happened: `what` is one character, the others say what to whom. */
  note(what: string, a = 0, b = 0, c = 0): void {
    const x = scramble(this.#a ^ what.charCodeAt(0) ^ Math.imul(a, 0x9e3779b1) ^ (this.now() | 0));
    this.#a = x ^ Math.imul(b, 0x85ebca77);
    this.#b = (Math.imul(this.#b ^ x, 0xc2b2ae3d) + Math.imul(c, 0x27d4eb2f) + b) | 0;
  }

  line(text: string): void {
    if (this.onLine === undefined) return;
    const us = this.now();
    const seconds = Math.floor(us / 1_000_000);
    this.onLine(`${String(seconds).padStart(3)}.${String(us % 1_000_000).padStart(6, "0")}  ${text}`);
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const [a, b] = [scramble(this.#a ^ this.#b), scramble(this.#b)];
    return (BigInt(a) * 2n ** 32n + BigInt(b)).toString(16).padStart(16, "0");
  }
}
