import type { Palette } from "./palette.js";

/** Tells what happens, with the seconds since the start. */
export class Narrator {
  readonly #write: (text: string) => void;
  readonly #palette: Palette;
  readonly #start = performance.now();

  constructor(write: (text: string) => void, palette: Palette) {
    this.#write = write;
    this.#palette = palette;
  }

  get palette(): Palette {
    return this.#palette;
  }

  /** Something happens. Further lines are indented like the first. */
  tell(...lines: string[]): void {
    const seconds = `${((performance.now() - this.#start) / 1000).toFixed(1)} s`.padStart(7);
    for (const [index, line] of lines.entries()) {
      this.print(`${index === 0 ? this.#palette.faint(seconds) : " ".repeat(seconds.length)}  ${line}`);
    }
  }

  print(line: string): void {
    this.#write(`${line}\n`);
  }
}
