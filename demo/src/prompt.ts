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

/** The rows that what was typed took when readline drew it last, which after a paste are not those it takes now. */
interface DrawnRows {
  prevRows: number;
}

export class Prompt {
  readonly #reader: Interface & DrawnRows;
  readonly #output: PromptOptions["output"];
  #open = true;

  constructor({ input, output, prompt, complete, onLine, onClosed }: PromptOptions) {
    this.#output = output;
    const reader = createInterface({ input, output, prompt, completer: complete, terminal: true });
    this.#reader = Object.assign(reader, { prevRows: 0 });
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
    this.#erase();
    this.#output.write(text);
    this.#reader.prompt(true);
  }

  /** May be called twice. */
  close(): void {
    this.#reader.close();
  }

  /** Takes the prompt and what was typed off the screen, to be drawn anew. */
  #erase(): void {
    moveCursor(this.#output, 0, -this.#reader.getCursorPos().rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
    // Or readline would go up once more.
    this.#reader.prevRows = 0;
  }
}
