// A cluster of real server processes, in a directory of its own, that leaves nothing behind.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Role, type StatusResponse } from "@paxos/proto";

import { freePorts } from "../../../scripts/free-ports.mjs";
import { addressOf, network, patient, runOn } from "./hosts.js";
import { type Ended, type ProgramProcess, spawnClient, spawnServer } from "./program-process.js";
import { newClientTransport } from "./transport.js";
import { until } from "./until.js";

/** One line of `paxos-client log --json`. */
export interface LogEntry {
  readonly seq: number;
  readonly clientId: string;
  readonly timestamp: string;
  readonly update: string;
}

export interface ClusterOptions {
  readonly nodes?: number;
  /** Flags of every server. */
  readonly args?: readonly string[];
  readonly inMemory?: boolean;
}

export class Cluster {
  readonly addresses: readonly string[];
  /** The server processes by node id: the last one started for each. */
  readonly servers: (ProgramProcess | undefined)[] = [];
  readonly hostfile: string;
  readonly #transport = newClientTransport();
  readonly #clients: ProgramProcess[] = [];

  private constructor(
    readonly directory: string,
    ports: readonly number[],
    readonly options: ClusterOptions,
  ) {
    this.addresses = ports.map((port, id) => `${addressOf(id)}:${port}`);
    this.hostfile = join(directory, "hostfile");
  }

  /** A cluster none of whose servers runs yet. */
  static async create(options: ClusterOptions = {}): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "paxos-cluster-"));
    const cluster = new Cluster(directory, await freePorts(options.nodes ?? 3), options);
    await writeFile(cluster.hostfile, `${cluster.addresses.join("\n")}\n`);
    for (const [id, address] of cluster.addresses.entries())
      await writeFile(cluster.#hostfileOf(id), address);
    return cluster;
  }

  /** A cluster whose servers all run, and have a leader. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.create(options);
    try {
      cluster.addresses.forEach((_, id) => cluster.startServer(id));
      await cluster.leader();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  dataDirectory(id: number): string {
    return join(this.directory, `node-${id}`);
  }

  startServer(id: number): ProgramProcess {
    const data = this.options.inMemory === true ? ["--in-memory"] : ["--data-dir", this.dataDirectory(id)];
    const args = ["-h", this.hostfile, "-i", String(id), ...data, ...(this.options.args ?? [])];
    return (this.servers[id] = spawnServer(args, { run: runOn(id) }));
  }

  /** Starts a server that was added, by asking the member at `member`. */
  join(id: number, member: string): ProgramProcess {
    const args = ["--join", member, "-i", String(id), "--data-dir", this.dataDirectory(id)];
    return (this.servers[id] = spawnServer([...args, ...(this.options.args ?? [])], { run: runOn(id) }));
  }

  /** Starts a server that has only its data. */
  startWithoutHostfile(id: number): ProgramProcess {
    const args = ["-i", String(id), "--data-dir", this.dataDirectory(id)];
    return (this.servers[id] = spawnServer([...args, ...(this.options.args ?? [])], { run: runOn(id) }));
  }

  server(id: number): ProgramProcess {
    const server = this.servers[id];
    if (server === undefined) throw new Error(`server ${id} was never started`);
    return server;
  }

  /** As `kill -9` does. */
  async kill(id: number): Promise<void> {
    await this.server(id).end("SIGKILL");
  }

  /** Ids of the servers whose processes run. */
  get running(): number[] {
    return this.servers.flatMap((server, id) => (server?.running === true ? [id] : []));
  }

  /** Undefined when the server does not answer. */
  status(id: number): Promise<StatusResponse | undefined> {
    return this.statusAt(this.addresses[id] ?? "");
  }

  async statusAt(address: string): Promise<StatusResponse | undefined> {
    try {
      return await this.#transport.status(address, AbortSignal.timeout(patient(1_000)));
    } catch {
      return undefined;
    }
  }

  /** Waits until all running servers follow the same leader, and returns its id. */
  async leader(): Promise<number> {
    let leader = -1;
    await until("all running servers follow one leader", async () => {
      const statuses = await Promise.all(this.running.map((id) => this.status(id)));
      const leads = statuses.find((status) => status?.role === Role.LEADER);
      leader = Number(leads?.nodeId ?? -1);
      const follows = (status: StatusResponse | undefined) =>
        status !== undefined && status.view === leads?.view && status.leaderId === leads.nodeId;
      return leads !== undefined && statuses.every(follows);
    });
    return leader;
  }

  /** Waits until all running servers know the same seqs as ordered, `atLeast` of them. */
  async level(atLeast = 0): Promise<void> {
    await until("all running servers are level", async () => {
      const statuses = await Promise.all(this.running.map((id) => this.status(id)));
      const arus = new Set(statuses.map((status) => Number(status?.localAru ?? -1)));
      return arus.size === 1 && Math.min(...arus) >= atLeast;
    });
  }

  /** Starts a client; it is killed with the cluster. With `nodeId`, on that node's host, and it knows that node alone. */
  startClient(args: readonly string[] = [], nodeId?: number): ProgramProcess {
    const hostfile = nodeId === undefined ? this.hostfile : this.#hostfileOf(nodeId);
    const run = nodeId === undefined ? [] : runOn(nodeId);
    const client = spawnClient([...args, "-h", hostfile], { run });
    this.#clients.push(client);
    return client;
  }

  /** Pipes lines through a client to its end. */
  async submit(lines: readonly string[], args: readonly string[] = []): Promise<Ended> {
    const client = this.startClient(args);
    client.child.stdin.end(lines.map((line) => `${line}\n`).join(""));
    return client.ended;
  }

  /** A server's ordered log. */
  async log(id: number): Promise<LogEntry[]> {
    let answer = "";
    await until(`server ${id} gives its log`, async () => {
      const { status, stdout, stderr } = await this.startClient(["log", "--json", "--server", String(id)])
        .ended;
      answer = stdout;
      // Where packets are lost, the client may have to be called again: its patience with a server is short.
      if (status !== 0 && network === undefined) throw new Error(`no log of server ${id}: ${stderr}`);
      return status === 0;
    });
    return answer
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as LogEntry);
  }

  /** What the servers have said, for the message of a test that fails. */
  describe(): string {
    return this.servers.map((server, id) => `--- server ${id}\n${server?.stderr ?? ""}`).join("");
  }

  /** Names one node alone. */
  #hostfileOf(id: number): string {
    return `${this.hostfile}-${id}`;
  }

  /** Ends whatever still runs, and removes the directory. */
  async close(): Promise<void> {
    const running = [...this.servers, ...this.#clients].flatMap((one) =>
      one?.running === true ? [one] : [],
    );
    await Promise.all(running.map((one) => one.end("SIGKILL")));
    await this.#transport.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Runs a test on a cluster that has a leader, and closes it. A failure comes with what the servers said. */
export async function withCluster(
  options: ClusterOptions,
  body: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = await Cluster.start(options);
  try {
    await body(cluster);
  } catch (error) {
    throw new Error(`${String(error)}\n${cluster.describe()}`, { cause: error });
  } finally {
    await cluster.close();
  }
}
