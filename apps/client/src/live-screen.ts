// A terminal on which the same text is drawn again and again. It uses the terminal's other screen, which a change of
// its size does not scramble, and leaves the last text on the ordinary one.
import type { Environment, TextOutput } from "./environment.js";

const OTHER_SCREEN = "\x1b[?1049h\x1b[?25l";
const ORDINARY_SCREEN = "\x1b[?25h\x1b[?1049l";
/** Terminals that know these show what is between them at once; others ignore them. */
const BEGIN_FRAME = "\x1b[?2026h";
const END_FRAME = "\x1b[?2026l";
const HOME = "\x1b[H";
const CLEAR_TO_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

export class LiveScreen {
  readonly #output: TextOutput;
  readonly #compose: (columns: number) => string[];
  readonly #forgetExit: () => void;
  readonly #onResize = (): void => this.draw();
  #open = true;

  /** @param compose - Makes the lines, none wider than `columns`. */
  constructor(environment: Environment, compose: (columns: number) => string[]) {
    this.#output = environment.stdout;
    this.#compose = compose;
    this.#output.write(OTHER_SCREEN);
    // However the process ends, the person gets the ordinary screen back.
    this.#forgetExit = environment.onExit(() => this.#leave());
    this.#output.on("resize", this.#onResize);
  }

  /** Draws the text as it is now, in the size that the terminal has now. */
  draw(): void {
    if (!this.#open) return;
    // What does not fit is left out: the terminal would scroll.
    const lines = this.#lines().slice(0, this.#output.rows ?? 24);
    // Nothing is cleared before it is drawn over, so nothing flickers.
    const text = lines.map((line) => line + CLEAR_TO_LINE_END).join("\r\n");
    this.#output.write(`${BEGIN_FRAME}${HOME}${text}${CLEAR_BELOW}${END_FRAME}`);
  }

  /** Leaves the text on the ordinary screen. May be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#leave();
    this.#forgetExit();
    this.#output.off("resize", this.#onResize);
    this.#output.write(`${this.#lines().join("\n")}\n`);
  }

  #leave(): void {
    this.#open = false;
    this.#output.write(ORDINARY_SCREEN);
  }

  #lines(): string[] {
    return this.#compose(this.#output.columns ?? 80);
  }
}
