// The program, from its arguments to its exit status.
import { setMaxListeners } from "node:events";

import { ConfigError } from "@paxos/core";
import { loadHostfile } from "@paxos/hostfile";

import type { Context } from "./context.js";
import type { Environment, Interruption } from "./environment.js";
import { type Invocation, parseFlags } from "./flags.js";
import { logCommand } from "./log-command.js";
import { Output } from "./output.js";
import { statusCommand } from "./status-command.js";
import { submitCommand } from "./submit-command.js";

/** The input is at fault, not the cluster. */
const BAD_INPUT = 2;

/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Resolves with the exit status. Rejects only when the program itself is wrong. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const { interrupt, stdout, stderr } = environment;
  // Each line in flight listens.
  setMaxListeners(0, interrupt.signal);
  const output = new Output(stdout, stderr, () => interrupt.abort("stdout closed" satisfies Interruption));
  try {
    const status = await invoke(parseFlags(args), environment, output);
    return SIGNAL_STATUS[String(interrupt.signal.reason)] ?? status;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    output.note(error.message);
    return BAD_INPUT;
  } finally {
    await output.flush();
  }
}

async function invoke(invocation: Invocation, environment: Environment, output: Output): Promise<number> {
  if (invocation.command === "print") {
    await output.print(invocation.text);
    return 0;
  }
  const { hostfile, port, transport: name } = invocation.flags;
  const members = await loadHostfile(hostfile, { defaultPort: port });
  const transport = environment.createTransport(name);
  try {
    return await execute(invocation, { members, transport, environment, output });
  } finally {
    await transport.close();
  }
}

async function execute(
  invocation: Exclude<Invocation, { command: "print" }>,
  context: Context,
): Promise<number> {
  switch (invocation.command) {
    case "submit":
      return submitCommand(context, invocation.flags);
    case "log":
      return logCommand(context, invocation.flags);
    case "status":
      return statusCommand(context, invocation.flags);
  }
}
