// How far a benchmark has come, drawn live on a terminal.
import cliProgress from "cli-progress";

import type { BenchFigures } from "./bench-load.js";
import { milliseconds } from "./bench-report.js";
import type { TextOutput } from "./environment.js";
import { grouped } from "./status-report.js";

const REDRAWS_PER_SECOND = 8;
const MAX_BAR_WIDTH = 30;
const BLANK_LINE = "\r\x1b[K";

export class BenchProgress {
  readonly #output: TextOutput;
  readonly #bar: cliProgress.SingleBar;
  readonly #timer: NodeJS.Timeout;

  /** @param look - Says how far it is, from 0 to 1, and what has been measured so far. */
  constructor(output: TextOutput, look: () => { readonly progress: number; readonly figures: BenchFigures }) {
    this.#output = output;
    this.#bar = new cliProgress.SingleBar({
      stream: output,
      fps: REDRAWS_PER_SECOND,
      clearOnComplete: true,
      linewrap: true,
      format: (_, { progress, maxWidth }) => barLine(progress, look().figures, maxWidth),
    });
    this.#bar.start(1, 0);
    this.#timer = setInterval(() => this.#bar.update(look().progress), 1000 / REDRAWS_PER_SECOND);
  }

  /** Writes whole lines; the bar appears below them again. */
  above(write: () => void): void {
    this.#output.write(BLANK_LINE);
    write();
  }

  /** Takes the bar off the screen. */
  close(): void {
    clearInterval(this.#timer);
    this.#bar.stop();
    this.#output.write(BLANK_LINE);
  }
}

/** One line that fits `width`: the bar gets what the figures leave. */
export function barLine(progress: number, figures: BenchFigures, width: number): string {
  const { ordered, failed, seconds, latencyMs } = figures;
  const rate = seconds === 0 ? 0 : Math.round(ordered / seconds);
  const parts = [
    `${String(Math.floor(progress * 100)).padStart(3)} %`,
    `${grouped(rate)}/s`,
    ...(latencyMs === undefined
      ? []
      : [`p50 ${milliseconds(latencyMs.p50)} ms`, `p99 ${milliseconds(latencyMs.p99)} ms`]),
    ...(failed === 0 ? [] : [`${grouped(failed)} failed`]),
  ];
  const text = parts.join("  ");
  const barWidth = Math.min(MAX_BAR_WIDTH, width - text.length - 4);
  if (barWidth < 5) return text.slice(0, width);
  const filled = Math.round(progress * barWidth);
  return `[${"=".repeat(filled)}${" ".repeat(barWidth - filled)}] ${text}`;
}
