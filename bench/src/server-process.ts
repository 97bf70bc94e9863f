import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { processorTimeOf } from "./processor-time.js";

/** What is measured: the program as users run it. */
export const serverProgram = join(
  dirname(createRequire(import.meta.url).resolve("paxos-server/package.json")),
  "bin",
  "paxos-server.js",
);

/** A server, as a process of its own: known by its id, and ended by it. */
export class ServerProcess {
  readonly child: ChildProcess;
  /** Resolves with its exit status when it has ended; null when a signal has ended it. */
  readonly ended: Promise<number | null>;

  /** @param nodeFlags flags of Node, before the program. */
  constructor(args: readonly string[], nodeFlags: readonly string[] = []) {
    const child = spawn(process.execPath, [...nodeFlags, serverProgram, ...args], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    child.stderr?.on("data", (text: Buffer) => {
      if (process.env["PAXOS_BENCH_LOG"] !== undefined) process.stderr.write(text);
    });
    this.child = child;
    this.ended = new Promise((resolve) => child.once("exit", resolve));
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Sends a signal, and waits for the end, which may have come already. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }

  /** Resident memory, in MiB. Linux only: elsewhere NaN. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8").catch(() => "");
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
  }

  /** Seconds of processor time that it has taken. Linux only: elsewhere NaN. */
  processorTime(): number {
    return processorTimeOf(this.child.pid);
  }

  /** Asks a module that was loaded before the program. */
  async ask(): Promise<unknown> {
    return new Promise((resolve) => {
      this.child.once("message", resolve);
      this.child.send("?");
    });
  }
}
