// One readable line an event.
import type { Logger } from "@paxos/core";

export interface LineLoggerOptions {
  /** Whether debug lines are written. */
  readonly verbose: boolean;
  now(): Date;
  /** Takes one line, its end included. */
  write(line: string): void;
}

/** Writes lines that begin with the time (UTC), and with the level when it is a warning or an error. */
export class LineLogger implements Logger {
  readonly verbose: boolean;
  readonly #options: LineLoggerOptions;

  constructor(options: LineLoggerOptions) {
    this.verbose = options.verbose;
    this.#options = options;
  }

  debug(line: string): void {
    if (this.verbose) this.#write(line);
  }

  info(line: string): void {
    this.#write(line);
  }

  warn(line: string): void {
    this.#write(`warning: ${line}`);
  }

  error(line: string): void {
    this.#write(`error: ${line}`);
  }

  #write(line: string): void {
    // A peer's words may be in it; they must not look like a line of ours, or steer a terminal.
    const safe = line.replace(/[\p{Cc}\u2028\u2029]/gu, (character) =>
      JSON.stringify(character).slice(1, -1),
    );
    this.#options.write(`${this.#options.now().toISOString()} ${safe}\n`);
  }
}
