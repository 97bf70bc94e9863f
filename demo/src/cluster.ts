// Three servers of one cluster on loopback, each a process with a data directory of its own.
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ClientTransport } from "@paxos/core";
import type { StatusResponse } from "@paxos/proto";

import { Client, type Submitter } from "./client.js";
import { DemoError } from "./demo-error.js";
import { freePorts } from "../../scripts/free-ports.mjs";
import { type LogEntry, readLog } from "./log-entry.js";
import { type Ending, ServerProcess } from "./server-process.js";
import { until } from "./until.js";

const SIZE = 3;

/** How long a server may take to answer its first request, on a slow machine too. */
const START_MS = 20_000;

/** How long a server may take to say how it stands. */
const STATUS_MS = 1_000;

/** A member, whether its server runs or not. */
export interface Member {
  readonly nodeId: number;
  readonly port: number;
  /** Undefined while its server is down. */
  readonly pid: number | undefined;
  /** Its server has ended by itself, or was ended by somebody else. */
  readonly lost: boolean;
}

export interface ClusterOptions {
  readonly transport: ClientTransport;
  /** Leave the files behind. */
  readonly keep: boolean;
}

export class Cluster {
  /** Holds the hostfile, each server's data and its log. */
  readonly directory: string;
  readonly #ports: readonly number[];
  readonly #options: ClusterOptions;
  readonly #servers = new Map<number, ServerProcess>();

  private constructor(directory: string, ports: readonly number[], options: ClusterOptions) {
    this.directory = directory;
    this.#ports = ports;
    this.#options = options;
  }

  /** Makes the directory and the hostfile. No server runs yet. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "paxos-demo-"));
    const cluster = new Cluster(directory, await freePorts(SIZE), options);
    await writeFile(cluster.hostfile, cluster.#addresses.map((address) => `${address}\n`).join(""));
    return cluster;
  }

  get hostfile(): string {
    return join(this.directory, "hostfile");
  }

  get #addresses(): string[] {
    return this.#ports.map((port) => `127.0.0.1:${port}`);
  }

  get members(): Member[] {
    return this.#ports.map((port, nodeId) => {
      const server = this.#servers.get(nodeId);
      const pid = server?.running === true ? server.pid : undefined;
      return { nodeId, port, pid, lost: server?.lost === true };
    });
  }

  /** A client with an id of its own. */
  client(): Submitter {
    return new Client(this.#options.transport, this.#addresses);
  }

  /** Starts a node's server, for the first time or again. Resolves when it answers. */
  async start(nodeId: number, signal: AbortSignal): Promise<void> {
    const dataDirectory = join(this.directory, `node-${nodeId}`);
    await mkdir(dataDirectory, { recursive: true });
    signal.throwIfAborted();
    const logFile = join(this.directory, `node-${nodeId}.log`);
    const server = new ServerProcess({ nodeId, hostfile: this.hostfile, dataDirectory, logFile });
    this.#servers.set(nodeId, server);
    const answers = async (): Promise<boolean> => {
      if (!server.running) {
        const { how, lastWords } = server.ending();
        throw new DemoError([`node ${nodeId} has ended: ${how}`, ...lastWords].join("\n  "));
      }
      return (await this.status(nodeId, signal)) !== undefined;
    };
    await until(`node ${nodeId} answers`, answers, { ms: START_MS, signal });
  }

  /** Starts all servers. Resolves when they answer. */
  async startAll(signal: AbortSignal): Promise<void> {
    await Promise.all(this.members.map(({ nodeId }) => this.start(nodeId, signal)));
  }

  /** kill -9. Resolves when the process is gone. */
  async kill(nodeId: number): Promise<void> {
    await this.#servers.get(nodeId)?.kill();
  }

  /** How a node's server ended. */
  ending(nodeId: number): Ending {
    return this.#servers.get(nodeId)?.ending() ?? { how: "never started", lastWords: [] };
  }

  /** How a node stands; undefined when it does not answer. */
  async status(nodeId: number, signal: AbortSignal): Promise<StatusResponse | undefined> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(STATUS_MS)]);
    try {
      return await this.#options.transport.status(this.#address(nodeId), limited);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  /** A node's ordered log. */
  log(nodeId: number, fromSeq: number, signal: AbortSignal): Promise<LogEntry[]> {
    return readLog(this.#options.transport, this.#address(nodeId), fromSeq, signal);
  }

  /** Ends the servers that run, and removes what they wrote. */
  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
    this.#removeDirectory();
  }

  /** The last resort, when the process ends and cannot wait. */
  closeNow(): void {
    for (const server of this.#servers.values()) server.killNow();
    this.#removeDirectory();
  }

  #removeDirectory(): void {
    // Windows takes a moment to let go of the files of a process that was killed.
    if (!this.#options.keep) rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #address(nodeId: number): string {
    return this.#addresses[nodeId] ?? "";
  }
}
