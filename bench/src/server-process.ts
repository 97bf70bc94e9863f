import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

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

  constructor(args: readonly string[]) {
    const child = spawn(process.execPath, [serverProgram, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (text: Buffer) => {
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
  async processorTime(): Promise<number> {
    const text = await readFile(`/proc/${this.child.pid}/stat`, "utf8").catch(() => "");
    // Behind the name, which may hold anything: the 12th and 13th field, in hundredths of a second.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) / 100;
  }
}
