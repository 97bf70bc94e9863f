// Where the program writes.
import type { WriteStream } from "node:tty";

/** A stream that may be a terminal. */
export type Output = NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns">>;

export interface Io {
  /** Results. */
  readonly stdout: Output;
  /** What happens meanwhile. */
  readonly stderr: Output;
  /** Aborted when it is to end soon, with what it has. */
  readonly interrupt: AbortSignal;
}

export function writeLines(output: Output, lines: readonly string[]): void {
  output.write(lines.map((line) => `${line}\n`).join(""));
}

export function writeJson(output: Output, value: object): void {
  output.write(`${JSON.stringify(value)}\n`);
}
