// What is printed: results to standard output, everything else to standard error.
import { once } from "node:events";
import type { Writable } from "node:stream";

import type { TextOutput } from "./environment.js";
import { wrapWords } from "./table.js";

/** Writes whole lines, as fast as the reader takes them. */
export class Output {
  #closed = false;
  #above: ((write: () => void) => void) | undefined;

  /** @param onClosed - Called once when nobody reads standard output any more. */
  constructor(
    readonly stdout: Writable,
    readonly stderr: TextOutput,
    onClosed: () => void,
  ) {
    stdout.on("error", () => {
      if (this.#closed) return;
      this.#closed = true;
      onClosed();
    });
    stderr.on("error", () => undefined);
  }

  /** Whether standard output has lost its reader. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Prints a result. Resolves when there is room for the next one. */
  async print(line: string): Promise<void> {
    if (this.#closed || this.stdout.write(`${line}\n`)) return;
    try {
      await once(this.stdout, "drain");
    } catch {
      // The error's own handler has noted it.
    }
  }

  /** Says something to the person. */
  note(line: string): void {
    const text = `paxos-client: ${line}`;
    const { isTTY, columns = Infinity } = this.stderr;
    // A terminal would break words.
    const lines = isTTY === true ? wrapWords(text, columns) : [text];
    const write = (): void => void this.stderr.write(`${lines.join("\n")}\n`);
    if (this.#above === undefined) write();
    else this.#above(write);
  }

  /** While something is drawn at the bottom of the terminal, has notes written by `above`, which makes room for them. */
  keepAbove(above: ((write: () => void) => void) | undefined): void {
    this.#above = above;
  }

  /** Resolves when everything that was printed has left the process, or nobody wants it. */
  async flush(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => this.stdout.write("", () => resolve()));
  }
}

/** An update for people: on one line, what a terminal might act on and what is not UTF-8 as escapes. */
export function updateText(update: Uint8Array): string {
  const text = decodeUtf8(update);
  if (text === undefined) {
    return Buffer.from(update)
      .toString("latin1")
      .replace(/[^\x20-\x7e]/g, escapeCharacter);
  }
  return printable(text);
}

/** Words that come from a server: what a terminal might act on as escapes. */
export function printable(text: string): string {
  // Controls, line separators, and marks that change the direction of what follows.
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, escapeCharacter);
}

/** An update for programs. The second key only when the first does not say it all. */
export function updateJson(update: Uint8Array): { update: string; updateBase64?: string } {
  const text = decodeUtf8(update);
  if (text !== undefined) return { update: text };
  const bytes = Buffer.from(update);
  return { update: bytes.toString("utf8"), updateBase64: bytes.toString("base64") };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    // A byte order mark is part of the update.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code <= 0xff
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
