// Children that are asked once, answer once, and end.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atExit } from "./clean-up.js";

/** Runs a module in a process of its own, with these flags of Node, sends it `question`, and resolves with its answer. */
export async function askChild(
  module: URL,
  question: object,
  execArgv: readonly string[] = [],
): Promise<unknown> {
  const child = fork(fileURLToPath(module), { execArgv: [...execArgv] });
  const calledOff = atExit(() => child.kill("SIGKILL"));
  try {
    return await new Promise<unknown>((resolve, reject) => {
      child.once("message", resolve);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${fileURLToPath(module)} ended with status ${code}`)));
      child.send(question);
    });
  } finally {
    calledOff();
    child.kill("SIGKILL");
  }
}
