// Processes that do not outlive this one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./failure.mjs";

/** How long a program may take to end when it is told to. */
const END_MS = 15_000;

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

/** What runs, and whether it leads a process group of its own. @type {Map<ChildProcess, boolean>} */
const running = new Map();

/**
 * @param {ChildProcess} child
 * @param {boolean} leadsGroup
 */
function watch(child, leadsGroup) {
  running.set(child, leadsGroup);
  child.once("exit", () => running.delete(child));
}

/**
 * For tools, which start others: to be given to runTool.
 *
 * @param {ChildProcess} child
 */
export function watchGroup(child) {
  watch(child, process.platform !== "win32");
}

/** Ends whatever still runs, by force. */
export function killAll() {
  for (const [child, leadsGroup] of running) {
    if (child.pid === undefined) continue;
    try {
      process.kill(leadsGroup ? -child.pid : child.pid, "SIGKILL");
    } catch {
      // It has ended in this moment.
    }
  }
}

/** A program of some build, as a process. */
export class Program {
  stdout = "";
  stderr = "";

  /**
   * @param {string} name for messages
   * @param {string} file
   * @param {readonly string[]} args
   * @param {{ onLine?: (line: string) => void, log?: number }} [options] who is told each line of standard output, which is then
   *   not kept; or a file that takes all output
   */
  constructor(name, file, args, { onLine, log } = {}) {
    this.name = name;
    const stdio = log ?? "pipe";
    this.child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", stdio, stdio] });
    watch(this.child, false);
    this.child.stdin?.on("error", () => undefined);
    this.child.stderr?.setEncoding("utf8").on("data", (text) => (this.stderr += String(text)));
    this.child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += String(text);
      if (onLine === undefined) return;
      const lines = this.stdout.split("\n");
      this.stdout = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
    /** How it ended: its exit status, or the signal that ended it. @type {Promise<number | string>} */
    this.ended = once(this.child, "close").then(([status, signal]) => {
      this.end = /** @type {number | string} */ (status ?? signal);
      return this.end;
    });
    /** The same; undefined while it runs. @type {number | string | undefined} */
    this.end = undefined;
  }

  /**
   * Waits for its end, after a signal if one is given. It must have this exit status.
   *
   * @param {NodeJS.Signals} [signal]
   * @param {number} [withinMs]
   */
  async endsWell(signal, withinMs = END_MS) {
    if (signal !== undefined) this.child.kill(signal);
    const late = new AbortController();
    const end = await Promise.race([
      this.ended,
      sleep(withinMs, `no end within ${withinMs / 1000} s`, { signal: late.signal }),
    ]).finally(() => late.abort());
    if (end !== 0) {
      const why = signal === undefined ? "" : ` after ${signal}`;
      throw new Failure(`${this.name} ends with status 0${why}`, `${end}\n${this.stderr}`);
    }
  }
}
