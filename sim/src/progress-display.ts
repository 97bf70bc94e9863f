// Keeps the progress line before people's eyes.
import type { Output } from "./io.js";
import { type Progress, progressLine, progressReport } from "./progress.js";

const TERMINAL_EVERY_MS = 250;
const LOG_EVERY_MS = 10_000;

const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = "\r\u001b[2K";

/** A line that changes in place on a terminal, lines below each other elsewhere. */
export class ProgressDisplay {
  readonly #output: Output;
  readonly #progress: () => Progress;
  readonly #timer: NodeJS.Timeout;

  /** @param progress asked whenever it is shown. */
  constructor(output: Output, progress: () => Progress) {
    this.#output = output;
    this.#progress = progress;
    const everyMs = output.isTTY === true ? TERMINAL_EVERY_MS : LOG_EVERY_MS;
    this.#timer = setInterval(() => this.#show(), everyMs);
    if (output.isTTY === true) this.#show();
  }

  /** Removes the line. */
  close(): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY === true) this.#output.write(CLEAR_LINE);
  }

  #show(): void {
    const { isTTY = false, columns = DEFAULT_COLUMNS } = this.#output;
    const progress = this.#progress();
    this.#output.write(
      isTTY ? CLEAR_LINE + progressLine(progress, columns) : `${progressReport(progress)}\n`,
    );
  }
}
