// The lines that a person has typed, kept between runs in a file that only they may read. Written without waiting:
// a line is typed every few seconds, and is kept even if the next key ends the program.
import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, posix, win32 } from "node:path";

/** How many lines are kept. */
export const MAX_HISTORY_LINES = 1_000;

/** Longer lines are not typed but pasted; they are not kept. */
const MAX_LINE_BYTES = 4_096;

const OWNER_ALONE = 0o600;

/** What decides where a user's state belongs. */
export interface UserEnvironment {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}

/** Where the lines are kept. */
export function historyFileOf({ platform, env, homeDirectory }: UserEnvironment): string {
  const { XDG_STATE_HOME: xdg = "", LOCALAPPDATA: local = "" } = env;
  if (platform === "win32")
    return win32.join(
      local === "" ? win32.join(homeDirectory, "AppData", "Local") : local,
      "paxos",
      "client-history",
    );
  // The XDG Base Directory Specification has relative paths ignored.
  const state = posix.isAbsolute(xdg) ? xdg : posix.join(homeDirectory, ".local", "state");
  return posix.join(state, "paxos", "client-history");
}

/** A history file. When it cannot be read or written, that is told once, and the program goes on without it. */
export class History {
  readonly #file: string;
  readonly #onFailure: (reason: string) => void;
  #failed = false;
  #kept = 0;

  constructor(file: string, onFailure: (reason: string) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /** What is kept, the latest line first. */
  load(): string[] {
    const lines = this.#try(() => this.#read()) ?? [];
    this.#kept = lines.length;
    return lines.toReversed();
  }

  /** Keeps a line. */
  add(line: string): void {
    if (line.trim() === "" || Buffer.byteLength(line) > MAX_LINE_BYTES) return;
    this.#try(() => {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      appendFileSync(this.#file, `${line}\n`, { mode: OWNER_ALONE });
      // It may have been there before, and open to others.
      chmodSync(this.#file, OWNER_ALONE);
      if (++this.#kept > MAX_HISTORY_LINES) this.#shorten();
    });
  }

  #read(): string[] {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    return text.split("\n").filter(Boolean).slice(-MAX_HISTORY_LINES);
  }

  /** What another run of the program has added is kept too. */
  #shorten(): void {
    const lines = this.#read();
    this.#kept = lines.length;
    const draft = `${this.#file}.${process.pid}`;
    writeFileSync(draft, lines.map((line) => `${line}\n`).join(""), { mode: OWNER_ALONE });
    renameSync(draft, this.#file);
  }

  #try<T>(work: () => T): T | undefined {
    if (this.#failed) return undefined;
    try {
      return work();
    } catch (error) {
      this.#failed = true;
      const { code = String(error) } = error as NodeJS.ErrnoException;
      this.#onFailure(`${this.#file}: ${code}`);
      return undefined;
    }
  }
}
