// The program, from its arguments to its exit status.
import { type Client, connect } from "@paxos/client";
import { ConfigError } from "@paxos/core";
import { loadHostfile } from "@paxos/hostfile";

import { benchCommand } from "./bench-command.js";
import type { Context } from "./context.js";
import type { Environment, Interruption } from "./environment.js";
import type { Invocation } from "./invocation.js";
import { parseFlags } from "./flags.js";
import { linesCommand } from "./lines-command.js";
import { logCommand } from "./log-command.js";
import { memberCommand } from "./member-command.js";
import { Output } from "./output.js";
import { ServerNames } from "./server-names.js";
import { ServerNews } from "./server-news.js";
import { readCommand } from "./read-command.js";
import { snapshotCommand } from "./snapshot-command.js";
import { statusCommand } from "./status-command.js";
import { submitCommand } from "./submit-command.js";
import { transferCommand } from "./transfer-command.js";

/** The input is at fault, not the cluster. */
const BAD_INPUT = 2;

/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

type Command = Exclude<Invocation, { command: "print" }>;

/** Resolves with the exit status. Rejects only when the program itself is wrong. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const { interrupt, stdout, stderr } = environment;
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
  const { hostfile, port, transport, verbose } = invocation.flags;
  const servers = new ServerNames(await loadHostfile(hostfile, { defaultPort: port }));
  const news = new ServerNews(output, servers, verbose);
  const clients: Client[] = [];
  const connectTo: Context["connect"] = (options) => {
    const client = connect({
      ...options,
      servers: servers.addresses,
      transport: environment.createTransport(transport),
      logger: news,
      ...(environment.clientEnvironment && { environment: environment.clientEnvironment }),
    });
    clients.push(client);
    return client;
  };
  try {
    return await execute(invocation, { servers, environment, output, news, connect: connectTo });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function execute(invocation: Command, context: Context): Promise<number> {
  switch (invocation.command) {
    case "lines":
      return linesCommand(context, invocation.flags);
    case "submit":
      return submitCommand(context, invocation.flags);
    case "log":
      return logCommand(context, invocation.flags);
    case "read":
      return readCommand(context, invocation.flags);
    case "snapshot":
      return snapshotCommand(context, invocation.flags);
    case "member":
      return memberCommand(context, invocation.flags);
    case "transfer":
      return transferCommand(context, invocation.flags);
    case "status":
      return statusCommand(context, invocation.flags);
    case "bench":
      return benchCommand(context, invocation.flags);
  }
}
