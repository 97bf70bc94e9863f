// A program as a process of its own: started by its path, ended by its id.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const serverPackage = createRequire(import.meta.url).resolve("paxos-server/package.json");
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export const SERVER = join(dirname(serverPackage), "bin", "paxos-server.js");
export const LOCK = path("../bin/lock.js");
export const SERVER_MODULE = path("../dist/server-module.js");

export class Program {
  readonly #child;
  readonly ended: Promise<{
    status: number | null;
    signal: NodeJS.Signals | null;
    stdout: string;
    stderr: string;
  }>;
  stdout = "";
  stderr = "";
  running = true;

  constructor(program: string, args: readonly string[], options: { cwd?: string } = {}) {
    const child = spawn(process.execPath, [program, ...args], {
      ...options,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(child, "close").then(([status, signal]: unknown[]) => {
      this.running = false;
      const { stdout, stderr } = this;
      return { status: status as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr };
    });
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals) {
    this.send(signal);
    return this.ended;
  }
}
