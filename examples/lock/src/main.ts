// The program `lock`: its cluster, its streams, its signals, its end.
import { constants } from "node:os";
import { connect, SubmitError } from "@paxos/client";
import { ConfigError, RequestError } from "@paxos/core";
import { loadHostfile } from "@paxos/hostfile";
import { clientOf } from "@paxos/machine";
import { ConnectClientTransport } from "@paxos/transport-connect";
import { TcpClientTransport } from "@paxos/transport-tcp";
import { parseFlags, type Invocation } from "./flags.js";
import { LockError } from "./lock.js";
import { lockClient } from "./lock-client.js";
import { locks } from "./locks.js";
import { runLocked } from "./run-command.js";
import { statusLines } from "./status.js";

const interrupt = new AbortController();
const tellers = new Set<(signal: NodeJS.Signals) => void>();
const say = (line: string): void => void process.stderr.write(`lock: ${line}\n`);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // A terminal sends it to the command as well.
    const told = signal === "SIGINT" && process.stdin.isTTY ? [] : tellers;
    for (const tell of told) tell(signal);
    if (tellers.size === 0) interrupt.abort(signal);
  });
}

async function perform({ action, servers, hostfile, transport }: Invocation): Promise<number> {
  const members = servers.length > 0 ? [] : await loadHostfile(hostfile);
  await using client = connect({
    servers: servers.length > 0 ? servers : members.map(({ address }) => address),
    transport: transport === "tcp" ? new TcpClientTransport() : new ConnectClientTransport(),
    timeoutMs: 10_000,
  });
  if (typeof action === "object" && "command" in action) {
    const onSignal = (tell: (signal: NodeJS.Signals) => void) => {
      tellers.add(tell);
      return () => void tellers.delete(tell);
    };
    const environment = { interrupt: interrupt.signal, onSignal, say, graceMs: 5_000 };
    return await runLocked(action, lockClient(client), environment);
  }
  const machine = clientOf(locks, client);
  const { signal } = interrupt;
  if (action === "reset-clock") await machine.resetClock({ now: Date.now() }, { signal });
  else for await (const line of statusLines(machine, action.prefix, signal)) print(line);
  return 0;
}

/** The exit status for what keeps it from being done; undefined when that is the program's own fault. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof ConfigError) return 2;
  const refused = error instanceof RequestError || error instanceof SubmitError;
  if (refused) return error.code === "invalid" ? 2 : 1;
  return error instanceof LockError ? 1 : undefined;
}

try {
  const invocation = parseFlags(process.argv.slice(2));
  if ("text" in invocation) print(invocation.text);
  else process.exitCode = await perform(invocation);
} catch (error) {
  const status = statusOf(error);
  if (interrupt.signal.aborted) {
    process.exitCode = 128 + constants.signals[interrupt.signal.reason as NodeJS.Signals];
  } else if (status === undefined) {
    say(`internal error: ${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 70;
  } else {
    say((error as Error).message);
    process.exitCode = status;
  }
}
