// A terminal that remembers what is on its screen, and a keyboard.
import { PassThrough, Writable } from "node:stream";

import xterm from "@xterm/headless";

export class Screen extends Writable {
  readonly isTTY = true;
  readonly columns = 80;
  readonly rows = 24;
  /** Everything that was written, escape sequences included. */
  raw = "";
  readonly #terminal = new xterm.Terminal({
    cols: this.columns,
    rows: this.rows,
    scrollback: 1_000,
    allowProposedApi: true,
    // As terminals are set up: a line feed begins a new line.
    convertEol: true,
  });

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.raw += chunk.toString();
    this.#terminal.write(chunk, done);
  }

  /** All rows from the first to the cursor's, those that have scrolled away included, without the spaces at their ends. */
  get lines(): string[] {
    const { active } = this.#terminal.buffer;
    const count = active.baseY + active.cursorY + 1;
    return Array.from(
      { length: count },
      (_, row) => active.getLine(row)?.translateToString(true).trimEnd() ?? "",
    );
  }

  get text(): string {
    return this.lines.join("\n");
  }

  get cursorColumn(): number {
    return this.#terminal.buffer.active.cursorX;
  }

  /** How often a text is on the screen. */
  count(text: string): number {
    return this.text.split(text).length - 1;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#terminal.dispose();
    done(error);
  }
}

export class Keyboard extends PassThrough {
  readonly isTTY = true;

  /** One key after the other, as when somebody types. */
  type(text: string): void {
    for (const key of text) this.write(key);
  }

  /** All at once, as terminals do it. */
  paste(text: string): void {
    this.write(text);
  }
}

export const CTRL_C = "\x03";
export const CTRL_D = "\x04";
export const LEFT = "\x1b[D";
