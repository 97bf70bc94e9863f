// One paxos-server, as users run it: a process of its own, with its log in a file.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const PROGRAM = join(
  dirname(createRequire(import.meta.url).resolve("paxos-server/package.json")),
  "bin",
  "paxos-server.js",
);

/** How long a server may take to close. */
const CLOSE_MS = 2_000;

/** How many lines of a server's log are shown when it has ended by itself. */
const LAST_LINES = 5;

export interface ServerOptions {
  readonly nodeId: number;
  readonly hostfile: string;
  readonly dataDirectory: string;
  /** Lines are appended. */
  readonly logFile: string;
}

export interface Ending {
  /** Its status, or the signal that killed it. */
  readonly how: string;
  /** The end of its log, unless it had no say in it. */
  readonly lastWords: readonly string[];
}

/** A server that has been started, and may have ended. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  /** Resolves when the process is gone, or could not be started. */
  readonly ended: Promise<void>;
  #running = true;
  #told = false;
  #problem: string | undefined;

  constructor({ nodeId, hostfile, dataDirectory, logFile }: ServerOptions) {
    this.#logFile = logFile;
    const log = openSync(logFile, "a");
    const args = ["--hostfile", hostfile, "--id", String(nodeId), "--data-dir", dataDirectory];
    // Not by way of a shell or a shim: kill -9 must reach the server itself.
    const child = spawn(process.execPath, [PROGRAM, ...args, "--connect-timeout", "0"], {
      stdio: ["ignore", log, log],
      windowsHide: true,
    });
    closeSync(log);
    this.#child = child;
    this.ended = once(child, "exit").then(
      () => this.#end(undefined),
      (error: Error) => this.#end(error.message),
    );
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether it has ended without having been told to. */
  get lost(): boolean {
    return !this.#running && !this.#told;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** kill -9: it gets no chance to write, say or close anything. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.killNow();
    await this.ended;
  }

  /** Sends the signal of kill -9 without waiting for the end. */
  killNow(): void {
    if (!this.#running) return;
    this.#told = true;
    this.#child.kill("SIGKILL");
  }

  /** Ends the server as an operator would, or by force when that takes too long. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    const timer = setTimeout(() => this.killNow(), CLOSE_MS);
    this.#told = true;
    this.#child.kill("SIGTERM");
    await this.ended;
    clearTimeout(timer);
  }

  /** How the process ended. */
  ending(): Ending {
    const { exitCode, signalCode } = this.#child;
    if (signalCode !== null) return { how: signalCode, lastWords: [] };
    const lastWords = readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-LAST_LINES);
    return { how: this.#problem ?? `status ${exitCode}`, lastWords };
  }

  #end(problem: string | undefined): void {
    this.#running = false;
    this.#problem = problem;
  }
}
