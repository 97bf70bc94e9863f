// The process: its parts, its streams, its signals, its end. To use another transport or storage, change it here.
import { homedir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { systemProbe } from "@paxos/hostfile";
import { startReplica } from "@paxos/replica";
import {
  MemoryStorage,
  classicLevelStorage,
  createStorageFromSnapshot,
  inspectStorage,
} from "@paxos/storage-level";
import { ConnectClientTransport, ConnectReplicaTransport } from "@paxos/transport-connect";
import { TcpClientTransport, TcpReplicaTransport } from "@paxos/transport-tcp";

import { takesWrites } from "./disk-probe.js";
import type { Environment } from "./environment.js";
import { run } from "./run.js";

/** The program itself is wrong (EX_SOFTWARE of sysexits.h). */
const INTERNAL_ERROR = 70;

/** A signal ends the server within a second. What is durable by then is all that its peers were promised. */
const LAST_MOMENT_MS = 900;

const environment: Environment = {
  platform: process.platform,
  env: process.env,
  homeDirectory: homedir(),
  probe: systemProbe,
  interrupt: new AbortController(),
  now: () => new Date(),
  wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
  stdout: process.stdout,
  readLine,
  writeOutput: (text) => process.stdout.write(text),
  writeLog: (text) => process.stderr.write(text),
  createStorage: (directory) =>
    directory === undefined ? new MemoryStorage() : classicLevelStorage({ directory }),
  createStore: createStorageFromSnapshot,
  inspectStorage,
  createTransport: (name, logger) => {
    switch (name) {
      case "connect":
        return new ConnectReplicaTransport({ logger });
      case "tcp":
        return new TcpReplicaTransport({ logger });
    }
  },
  createClientTransport: (name) => {
    switch (name) {
      case "connect":
        return new ConnectClientTransport();
      case "tcp":
        return new TcpClientTransport();
    }
  },
  loadModule: (path) => import(pathToFileURL(path).href),
  startReplica,
  takesWrites,
  // process.exit would wait for the threads that write to the disk.
  endAtOnce: () => process.kill(process.pid, "SIGKILL"),
};

async function readLine(): Promise<string | undefined> {
  const { signal } = environment.interrupt;
  for await (const line of createInterface({ input: process.stdin, signal })) return line;
  return undefined;
}

function onSignal(signal: NodeJS.Signals): void {
  process.on(signal, () => {
    if (environment.interrupt.signal.aborted) environment.endAtOnce();
    setTimeout(() => {
      environment.writeLog(`paxos-server: not closed in time, ended by ${signal}\n`);
      environment.endAtOnce();
    }, LAST_MOMENT_MS).unref();
    environment.interrupt.abort(signal);
  });
}

function onInternalError(error: unknown): never {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  environment.writeLog(`paxos-server: internal error: ${text}\n`);
  process.exit(INTERNAL_ERROR);
}

// A log that nobody reads any more is no reason to stop.
process.stderr.on("error", () => undefined);
process.stdout.on("error", () => undefined);
onSignal("SIGINT");
onSignal("SIGTERM");
process.on("uncaughtException", onInternalError);
process.on("unhandledRejection", onInternalError);

process.exit(await run(process.argv.slice(2), environment));
