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

/** A run of the program. */
export class ClientRun {
  readonly stdin = new PassThrough();
  readonly #stdout = new PassThrough();
  readonly #stderr = new PassThrough();
  readonly interrupt = new AbortController();
  /** The exit status. */
  readonly done: Promise<number>;
  /** Virtual, in milliseconds. */
  now = 0;
  #out = "";
  #err = "";

  constructor(args: readonly string[], transport: ClientTransport, { terminal = false } = {}) {
    this.#stdout.setEncoding("utf8").on("data", (text: string) => (this.#out += text));
    this.#stderr.setEncoding("utf8").on("data", (text: string) => (this.#err += text));
    let drawn = 0;
    const environment: Environment = {
      stdin: Object.assign(this.stdin, { isTTY: terminal }),
      stdout: this.#stdout,
      stderr: this.#stderr,
      interrupt: this.interrupt,
      createTransport: () => transport,
      random: () => (drawn = (drawn + 0.37) % 1),
      now: () => this.now,
      wait: async (ms) => {
        this.now += ms;
        await setImmediate();
      },
    };
    this.done = run(args, environment);
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
  input = "",
): Promise<{ status: number; stdout: string; stderr: string; client: ClientRun }> {
  const client = new ClientRun(args, transport);
  client.stdin.end(input);
  const status = await client.done;
  await setImmediate();
  return { status, stdout: client.stdout, stderr: client.stderr, client };
}
