import { rmSync } from "node:fs";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientTransport } from "@paxos/core";
import { Role, type StatusResponse } from "@paxos/proto";
import { atExit } from "./clean-up.js";
import { freePorts } from "../../scripts/free-ports.mjs";
import { ServerProcess } from "./server-process.js";
import type { TransportName } from "./transports.js";
import { until } from "./until.js";

/** How servers are started. */
export interface ServersOptions {
  /** How many found the cluster. */
  readonly count: number;
  readonly transport: TransportName;
  /** Asks them how they stand; closed by its owner. */
  readonly client: ClientTransport;
  /** More flags, of every server. Default: none. */
  readonly flags?: readonly string[];
  /** Flags of Node. Default: none. */
  readonly nodeFlags?: readonly string[];
}

/** A cluster of server processes on loopback, with storage on disk. */
export class Servers {
  readonly #processes: ServerProcess[] = [];
  readonly #calledOff: () => void;

  private constructor(
    /** By node id: first of those that found the cluster, then of those that may join it. */
    readonly addresses: readonly string[],
    readonly directory: string,
    readonly options: ServersOptions,
  ) {
    this.#calledOff = atExit(() => {
      for (const { child } of this.#processes) child.kill("SIGKILL");
      // They may be writing still.
      rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    });
  }

  /** Starts those that found the cluster, and waits until one leads. There are addresses for `joining` more. */
  static async start(options: ServersOptions, joining = 0): Promise<Servers> {
    const ports = await freePorts(options.count + joining);
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const directory = await mkdtemp(join(tmpdir(), "paxos-bench-"));
    const servers = new Servers(addresses, directory, options);
    try {
      await writeFile(join(directory, "hostfile"), addresses.slice(0, options.count).join("\n") + "\n");
      for (let id = 0; id < options.count; id++) servers.startServer(id);
      await servers.leader();
      return servers;
    } catch (error) {
      await servers.stop();
      throw error;
    }
  }

  /** Starts one of those that found the cluster; for the first time, or after its end. */
  startServer(id: number): ServerProcess {
    return this.#start(id, ["-h", join(this.directory, "hostfile")]);
  }

  /** Starts one that was added to the cluster, which asks the member with the other id. */
  join(id: number, member: number): ServerProcess {
    return this.#start(id, ["--join", this.addressOf(member)]);
  }

  #start(id: number, where: readonly string[]): ServerProcess {
    const { transport, flags = [], nodeFlags } = this.options;
    const data = ["-i", String(id), "--data-dir", this.dataDirectory(id)];
    const args = [...where, ...data, "--transport", transport, ...flags];
    return (this.#processes[id] = new ServerProcess(args, nodeFlags));
  }

  /** As `kill -9` does. */
  async kill(id: number): Promise<void> {
    await this.#processes[id]?.end("SIGKILL");
  }

  /** The process that was last started. */
  process(id: number): ServerProcess {
    const process = this.#processes[id];
    if (process === undefined) throw new Error(`server ${id} was never started`);
    return process;
  }

  addressOf(id: number): string {
    const address = this.addresses[id];
    if (address === undefined) throw new Error(`there is no address for server ${id}`);
    return address;
  }

  dataDirectory(id: number): string {
    return join(this.directory, `node-${id}`);
  }

  /** How one stands; undefined when it does not answer. */
  async status(id: number): Promise<StatusResponse | undefined> {
    try {
      return await this.options.client.status(this.addressOf(id), AbortSignal.timeout(1000));
    } catch {
      // Not up yet.
      return undefined;
    }
  }

  /** The leader's id, once there is one. */
  async leader(): Promise<number> {
    let leader: number | undefined;
    await until("a server leads", { withinMs: 15_000 }, async () => {
      for (const id of this.#processes.keys()) {
        if ((await this.status(id))?.role === Role.LEADER) leader = id;
        if (leader !== undefined) break;
      }
      return leader !== undefined;
    });
    return leader ?? Number.NaN;
  }

  /** Waits until one answers. */
  async answers(id: number): Promise<void> {
    await until(
      `node ${id} answers`,
      { withinMs: 300_000 },
      async () => (await this.status(id)) !== undefined,
    );
  }

  /** Waits until one has applied what the leader knew as ordered a moment before. */
  async level(id: number): Promise<void> {
    await until(`node ${id} is level`, { withinMs: 300_000 }, async () => {
      // The leader first: while the other is asked, it goes on.
      const leads = await this.status(await this.leader());
      const own = await this.status(id);
      return own !== undefined && leads !== undefined && own.appliedSeq >= leads.localAru;
    });
  }

  /** Their resident memory, in MiB. Linux only: elsewhere NaN. */
  async memory(): Promise<number[]> {
    return Promise.all(this.#processes.map((process) => process.memory()));
  }

  /** What the data directories of those that found the cluster take, in MiB. */
  async diskUse(): Promise<number[]> {
    const ids = Array.from({ length: this.options.count }, (_, id) => id);
    return Promise.all(ids.map((id) => sizeOf(this.dataDirectory(id))));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.end("SIGKILL")));
    await rm(this.directory, { recursive: true, force: true });
    this.#calledOff();
  }
}

async function sizeOf(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    // LevelDB may have removed it meanwhile.
    bytes += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes / 1024 ** 2;
}
