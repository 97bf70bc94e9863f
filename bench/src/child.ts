// Children that are asked, and answer.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { atExit } from "./clean-up.js";

/** A module in a process of its own. It answers each message with one. */
export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #calledOff: () => void;

  constructor(module: URL, execArgv: readonly string[] = []) {
    this.#name = fileURLToPath(module);
    this.#process = fork(this.#name, { execArgv: [...execArgv] });
    this.#calledOff = atExit(() => this.#process.kill("SIGKILL"));
  }

  /** Resolves with its answer. One question at a time. */
  async ask(question: object): Promise<unknown> {
    const over = new AbortController();
    const { signal } = over;
    try {
      return await Promise.race([
        once(this.#process, "message", { signal }).then(([answer]: unknown[]) => answer),
        once(this.#process, "exit", { signal }).then(([code]: unknown[]) => {
          throw new Error(`${this.#name} ended with status ${String(code)}`);
        }),
        new Promise<never>(
          (_, reject) => void this.#process.send(question, (error) => error && reject(error)),
        ),
      ]);
    } finally {
      over.abort();
    }
  }

  end(): void {
    this.#calledOff();
    this.#process.kill("SIGKILL");
  }
}

/** Runs a module in a process of its own, with these flags of Node, sends it `question`, and resolves with its answer. */
export async function askChild(
  module: URL,
  question: object,
  execArgv: readonly string[] = [],
): Promise<unknown> {
  const child = new Child(module, execArgv);
  try {
    return await child.ask(question);
  } finally {
    child.end();
  }
}
