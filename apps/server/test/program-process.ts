// A program of this repository as a process of its own: spawned by its path, killed by its id.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { transportFlags } from "./transport.js";

const SERVER = fileURLToPath(new URL("../bin/paxos-server.js", import.meta.url));
const CLIENT_PACKAGE = createRequire(import.meta.url).resolve("paxos-client/package.json");
const CLIENT = join(dirname(CLIENT_PACKAGE), "bin", "paxos-client.js");

export interface Ended {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What comes before the program, to run it on another host. */
  readonly run?: readonly string[];
}

export class ProgramProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #running = true;

  constructor(program: string, args: readonly string[], { cwd, env, run = [] }: SpawnOptions = {}) {
    // Not by way of a shell or a shim: a signal must reach the program itself. What is in `run` becomes the program.
    const [first = process.execPath, ...others] = [...run, process.execPath, program, ...args];
    const child = spawn(first, others, { cwd, env: { ...process.env, ...env } });
    this.child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    // A program that has ended takes no more input.
    child.stdin.on("error", () => undefined);
    this.ended = once(child, "close").then(([status, signal]: unknown[]) => {
      this.#running = false;
      const { stdout, stderr } = this;
      return { status: status as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr };
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** Sends a signal, and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

export function spawnServer(args: readonly string[], options?: SpawnOptions): ProgramProcess {
  return new ProgramProcess(SERVER, [...transportFlags, ...args], options);
}

/** One of the server program's other commands: `inspect`, say. What talks to a server is told the transport. */
export function spawnCommand(
  [command = "", ...args]: readonly string[],
  options?: SpawnOptions,
): ProgramProcess {
  const transport = command === "backup" ? transportFlags : [];
  return new ProgramProcess(SERVER, [command, ...transport, ...args], options);
}

export function spawnClient(args: readonly string[], options?: SpawnOptions): ProgramProcess {
  return new ProgramProcess(CLIENT, [...transportFlags, ...args], options);
}
