// A prompt above which text appears at any time, while the person goes on typing.
import { type Interface, clearScreenDown, createInterface, cursorTo, moveCursor } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface PromptOptions {
  readonly input: Readable;
  readonly output: Writable & { readonly columns?: number };
  readonly prompt: string;
  /** What the Tab key offers, and for which text. */
  readonly complete: (line: string) => [completions: string[], of: string];
  readonly onLine: (line: string) => void;
  /** The person has left, or the prompt was closed. */
  readonly onClosed: () => void;
}

const DEFAULT_COLUMNS = 80;

export class Prompt {
  readonly #reader: Interface;
  readonly #output: PromptOptions["output"];
  #open = true;

  constructor({ input, output, prompt, complete, onLine, onClosed }: PromptOptions) {
    this.#output = output;
    this.#reader = createInterface({ input, output, prompt, completer: complete, terminal: true });
    this.#reader.on("line", (line) => {
      onLine(line);
      if (this.#open) this.#reader.prompt();
    });
    // readline takes Ctrl-C for itself; Ctrl-D closes it.
    this.#reader.on("SIGINT", () => this.close());
    this.#reader.on("close", () => {
      if (!this.#open) return;
      this.#erase();
      this.#open = false;
      onClosed();
    });
    this.#reader.prompt();
  }

  get columns(): number {
    return this.#output.columns ?? DEFAULT_COLUMNS;
  }

  /** Writes whole lines above the prompt, which stays as it is. */
  print(...lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join("");
    if (!this.#open) {
      this.#output.write(text);
      return;
    }
    const rows = this.#erase();
    // readline goes up as many rows as what was typed took when it drew it last: they must be there.
    this.#output.write(text + "\n".repeat(rows));
    this.#reader.prompt(true);
  }

  /** May be called twice. */
  close(): void {
    this.#reader.close();
  }

  /** Takes the prompt and what was typed off the screen. Returns how many rows above the cursor they took. */
  #erase(): number {
    const { rows } = this.#reader.getCursorPos();
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
    return rows;
  }
}
