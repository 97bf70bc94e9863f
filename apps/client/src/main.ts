// The process: its streams, its signals, its end.
import { homedir } from "node:os";

import { ConnectClientTransport } from "@paxos/transport-connect";
import { TcpClientTransport } from "@paxos/transport-tcp";

import { type Environment, type Interruption, waitInRealTime } from "./environment.js";
import { historyFileOf } from "./history.js";
import { run } from "./run.js";

/** The program itself is wrong (EX_SOFTWARE of sysexits.h). */
const INTERNAL_ERROR = 70;

/** A signal ends the program within a second, whatever it is waiting for. */
const LAST_MOMENT_MS = 900;

const environment: Environment = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  variables: process.env,
  historyFile: historyFileOf({ platform: process.platform, env: process.env, homeDirectory: homedir() }),
  interrupt: new AbortController(),
  createTransport: (name) => {
    switch (name) {
      case "connect":
        return new ConnectClientTransport();
      case "tcp":
        return new TcpClientTransport();
    }
  },
  now: () => performance.now(),
  date: () => new Date(),
  wait: waitInRealTime,
  onExit: (callback) => {
    process.on("exit", callback);
    return () => process.off("exit", callback);
  },
};

function onSignal(signal: Extract<Interruption, NodeJS.Signals>, status: number): void {
  process.on(signal, () => {
    if (environment.interrupt.signal.aborted) process.exit(status);
    setTimeout(() => process.exit(status), LAST_MOMENT_MS).unref();
    environment.interrupt.abort(signal);
  });
}

function onInternalError(error: unknown): never {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`paxos-client: internal error: ${text}\n`);
  process.exit(INTERNAL_ERROR);
}

onSignal("SIGINT", 130);
onSignal("SIGTERM", 143);
process.on("uncaughtException", onInternalError);
process.on("unhandledRejection", onInternalError);

// Not left to the event loop: standard input may still be open.
process.exit(await run(process.argv.slice(2), environment));
