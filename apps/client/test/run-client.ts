// Runs the client's program inside the test's process, against a fake cluster and in virtual time.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";

import { afterEach } from "@jest/globals";
import type { ClientTransport } from "@paxos/core";

import type { Environment } from "../src/environment.js";
import { run } from "../src/run.js";
import { VirtualTime } from "./virtual-time.js";

const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

/** Writes a hostfile that is removed after the test. */
export async function hostfile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "paxos-client-"));
  directories.push(directory);
  const file = join(directory, "hostfile");
  await writeFile(file, text);
  return file;
}

export interface ClientRunOptions {
  /** Whether a person types and reads. */
  readonly terminal?: boolean;
  /** How wide the terminals are on which standard output and standard error are shown; absent: they are not. */
  readonly columns?: number;
  /** Time passes only when the test says so. */
  readonly frozen?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
  readonly historyFile?: string;
}

/** A run of the program. */
export class ClientRun {
  readonly stdin = new PassThrough();
  readonly #stdout = new PassThrough();
  readonly #stderr = new PassThrough();
  readonly interrupt = new AbortController();
  /** The exit status. */
  readonly done: Promise<number>;
  readonly time: VirtualTime;
  readonly exitCallbacks = new Set<() => void>();
  #out = "";
  #err = "";

  constructor(args: readonly string[], transport: ClientTransport, options: ClientRunOptions = {}) {
    const { terminal = false, columns, frozen = false, variables = {} } = options;
    this.#stdout.setEncoding("utf8").on("data", (text: string) => (this.#out += text));
    this.#stderr.setEncoding("utf8").on("data", (text: string) => (this.#err += text));
    const screen = columns === undefined ? {} : { isTTY: true, columns, rows: 24 };
    this.time = new VirtualTime(frozen);
    let drawn = 0;
    const random = (): number => (drawn = (drawn + 0.37) % 1);
    const environment: Environment = {
      stdin: Object.assign(this.stdin, { isTTY: terminal }),
      stdout: Object.assign(this.#stdout, screen),
      stderr: Object.assign(this.#stderr, screen),
      variables,
      historyFile: options.historyFile ?? "/nowhere/history",
      interrupt: this.interrupt,
      createTransport: () => transport,
      now: () => this.time.now,
      date: () => new Date(1_700_000_000_000 + this.time.now),
      wait: (ms, signal) => this.time.wait(ms, signal),
      onExit: (callback) => {
        this.exitCallbacks.add(callback);
        return () => this.exitCallbacks.delete(callback);
      },
      clientEnvironment: {
        now: () => this.time.now,
        after: (ms, callback) => this.time.after(ms, callback),
        random,
      },
    };
    this.done = run(args, environment).finally(() => this.time.stop());
  }

  /** The terminal has another width from now on. */
  resize(columns: number): void {
    Object.assign(this.#stdout, { columns });
    this.#stdout.emit("resize");
  }

  /** Nobody reads standard output any more. */
  closeStdout(): void {
    this.#stdout.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  }

  get stdout(): string {
    return this.#out;
  }

  get stderr(): string {
    return this.#err;
  }

  /** Resolves once the condition holds; the test's own deadline ends the wait otherwise. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await setImmediate();
  }
}

/** Runs to the end with this input. */
export async function runClient(
  args: readonly string[],
  transport: ClientTransport,
  input: string | Uint8Array = "",
  options: ClientRunOptions = {},
): Promise<{ status: number; stdout: string; stderr: string; client: ClientRun }> {
  const client = new ClientRun(args, transport, options);
  client.stdin.end(input);
  const status = await client.done;
  await setImmediate();
  return { status, stdout: client.stdout, stderr: client.stderr, client };
}
