// A prompt with line editing and history, above which text may appear while a person types.
import { type Interface, clearScreenDown, createInterface, cursorTo, moveCursor } from "node:readline";

import type { Environment } from "./environment.js";
import { MAX_HISTORY_LINES } from "./history.js";

/** The rows that what was typed took when readline drew it last, which after a paste are not those it takes now. */
interface DrawnRows {
  prevRows: number;
}

/** False while keys are handled that came together: then, some Nodes put text at the end, wherever the cursor is. */
interface KeysTogether {
  isCompletionEnabled: boolean;
}

export interface PromptOptions {
  readonly input: Environment["stdin"];
  readonly output: Environment["stdout"];
  readonly text: string;
  /** Lines that the up key brings back, the latest first. */
  readonly history: string[];
  /** Ctrl-C on an empty line. */
  readonly onInterrupt: () => void;
}

export class Prompt {
  readonly #reader: Interface & DrawnRows;
  readonly #output: PromptOptions["output"];
  #shown = false;
  /** The input may end while lines that were typed ahead are still being sent; later Nodes do not prompt then. */
  #ended = false;

  constructor({ input, output, text, history, onInterrupt }: PromptOptions) {
    this.#output = output;
    const reader = createInterface({
      input,
      output,
      prompt: text,
      history,
      historySize: MAX_HISTORY_LINES,
    });
    this.#reader = Object.assign(reader, { prevRows: 0 });
    editInTheMiddle(this.#reader);
    // At a terminal, readline takes the key for itself.
    reader.on("SIGINT", () => {
      if (reader.line === "") onInterrupt();
      else this.#clearLine();
    });
    reader.on("line", () => (this.#shown = false));
    reader.once("close", () => (this.#ended = true));
  }

  /** The lines that are typed. */
  lines(): AsyncIterable<string> {
    return this.#reader;
  }

  /** Asks for the next line. What was typed ahead stands in it already. */
  show(): void {
    if (this.#ended) return;
    this.#shown = true;
    this.#reader.prompt(true);
  }

  /** Has text written by `write`, whole lines of it, above the prompt, which stays as it is. */
  above(write: () => void): void {
    const redraw = this.#shown && !this.#ended && this.#reader.terminal;
    if (redraw) this.#erase();
    write();
    if (redraw) this.#reader.prompt(true);
  }

  /** May be called twice. */
  close(): void {
    this.#reader.close();
  }

  #clearLine(): void {
    this.#reader.write(null, { ctrl: true, name: "e" });
    this.#reader.write(null, { ctrl: true, name: "u" });
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

/** Keys that come together, as they do over a slow line, have the same effect as one by one. */
function editInTheMiddle(reader: Interface): void {
  let enabled = true;
  Object.defineProperty(reader, "isCompletionEnabled" satisfies keyof KeysTogether, {
    // A paste at the end stays as quick as it is.
    get: () => enabled || reader.cursor < reader.line.length,
    set: (value: boolean) => {
      enabled = value;
    },
  });
}
