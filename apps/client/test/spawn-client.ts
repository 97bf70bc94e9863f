// Runs the built client as a process of its own.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { afterEach } from "@jest/globals";

import { transportFlags } from "./transport-under-test.js";

const PROGRAM = fileURLToPath(new URL("../bin/paxos-client.js", import.meta.url));

const running = new Set<ChildProcessWithoutNullStreams>();

afterEach(async () => {
  for (const child of running) {
    child.kill("SIGKILL");
    await once(child, "close");
  }
});

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A client process. It is killed after the test if it still runs. */
export class ClientProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], options: { readonly cwd?: string; readonly program?: string } = {}) {
    const child = spawn(process.execPath, [options.program ?? PROGRAM, ...transportFlags, ...args], {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "" },
    });
    this.child = child;
    running.add(child);
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    // A client that has ended takes no more input.
    child.stdin.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      child.on("close", (status, signal) => {
        running.delete(child);
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Resolves once the condition holds, which is looked at whenever the process writes; rejects when it ends before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const next = await Promise.race([
        once(this.child.stdout, "data"),
        once(this.child.stderr, "data"),
        this.ended.then((ended) => ended),
      ]);
      if ("status" in next && !condition())
        throw new Error(`the client ended early: ${JSON.stringify(next)}`);
    }
  }
}

/** Runs the client to its end. */
export async function runProcess(
  args: readonly string[],
  input: string | Uint8Array = "",
  cwd?: string,
): Promise<Ended> {
  const client = new ClientProcess(args, cwd === undefined ? {} : { cwd });
  client.child.stdin.end(input);
  return client.ended;
}
