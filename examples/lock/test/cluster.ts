// Three paxos-servers that run the state machine, in a directory of their own, which leave nothing behind.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Client } from "@paxos/client";
import { ConnectClientTransport } from "@paxos/transport-connect";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { Program, SERVER, SERVER_MODULE } from "./program.js";
import { until } from "./until.js";

export class Cluster {
  readonly servers: Program[] = [];
  readonly #started: Program[] = [];
  readonly #clients: Client[] = [];

  private constructor(
    readonly directory: string,
    readonly addresses: readonly string[],
  ) {}

  static async start(): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "paxos-locks-"));
    const addresses = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
    await writeFile(join(directory, "hostfile"), addresses.join("\n"));
    const cluster = new Cluster(directory, addresses);
    for (const id of addresses.keys()) cluster.startServer(id);
    return cluster;
  }

  startServer(id: number): void {
    const data = ["--data-dir", join(this.directory, `data-${id}`), "--state-machine", SERVER_MODULE];
    // So few that a server that comes back has to restore one.
    const snapshots = ["--snapshot-every", "20", "--log-tail", "5"];
    this.servers[id] = this.start(SERVER, ["-i", String(id), ...data, ...snapshots]);
  }

  /** Starts a program that ends with the cluster at the latest. */
  start(program: string, args: readonly string[]): Program {
    const started = new Program(program, args, { cwd: this.directory });
    this.#started.push(started);
    return started;
  }

  connect(): Client {
    const client = connect({ servers: this.addresses, transport: new ConnectClientTransport() });
    this.#clients.push(client);
    return client;
  }

  /** The id of the server that leads. */
  async leader(): Promise<number> {
    const client = this.connect();
    let leader = -1n;
    await until("a server leads", async () => {
      const statuses = await client.status();
      const answers = statuses.flatMap((one) => ("status" in one ? [one.status] : []));
      leader = answers.find(({ nodeId, leaderId }) => nodeId === leaderId)?.nodeId ?? -1n;
      return leader >= 0n;
    });
    return Number(leader);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#started.filter(({ running }) => running).map((one) => one.end("SIGKILL")));
    await rm(this.directory, { recursive: true });
  }
}
