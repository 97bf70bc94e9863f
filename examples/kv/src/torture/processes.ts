// A cluster of kv-servers as processes of this machine, which can be killed, paused, added and removed.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, type Client } from "@paxos/client";
import { ConnectClientTransport } from "@paxos/transport-connect";
import { TcpClientTransport } from "@paxos/transport-tcp";
import { freePorts } from "../../../../scripts/free-ports.mjs";

const program = fileURLToPath(new URL("../main.js", import.meta.url));

/** How long a server may take for a step of its own. */
const PATIENCE_MS = 30_000;

export type TransportName = "connect" | "tcp";

interface Server {
  readonly id: number;
  readonly address: string;
  readonly http: string;
  /** What the process was started with; a restart is the same. */
  readonly args: readonly string[];
  process: ChildProcess;
  paused: boolean;
  /** The last of what it has said. */
  log: string;
}

export class Processes implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #spare: { readonly address: string; readonly http: string }[];
  readonly #client: Client;

  private constructor(
    private readonly directory: string,
    private readonly transport: TransportName,
    founders: number,
    places: readonly { readonly address: string; readonly http: string }[],
  ) {
    this.#spare = [...places];
    this.#client = connect({
      servers: places.slice(0, founders).map(({ address }) => address),
      transport: transport === "tcp" ? new TcpClientTransport() : new ConnectClientTransport(),
    });
  }

  /** Starts three servers, with room for so many that join later. `directory` is empty, and the caller's to remove. */
  static async start(directory: string, transport: TransportName, joiners: number): Promise<Processes> {
    const ports = await freePorts(2 * (3 + joiners));
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const half = addresses.length / 2;
    const places = addresses
      .slice(0, half)
      .map((address, i) => ({ address, http: addresses[half + i] ?? "" }));
    const cluster = new Processes(directory, transport, 3, places);
    await mkdir(directory, { recursive: true });
    const hostfile = join(directory, "hostfile");
    await writeFile(
      hostfile,
      places
        .slice(0, 3)
        .map(({ address }) => `${address}\n`)
        .join(""),
    );
    for (let id = 0; id < 3; id++) cluster.#start(id, ["--hostfile", hostfile]);
    await Promise.all(cluster.#servers.map((server) => cluster.#untilServing(server)));
    return cluster;
  }

  /** Where all that are up, or were, or will be, serve HTTP. */
  get urls(): string[] {
    return [...this.#servers, ...this.#spare].map(({ http }) => `http://${http}`);
  }

  /** The ids of the servers that run and are not paused. */
  get running(): number[] {
    return this.#servers.filter(({ process, paused }) => isUp(process) && !paused).map(({ id }) => id);
  }

  /** How many belong to the cluster and can answer. Faults that would leave fewer than a majority of three are not made. */
  async kill(id: number): Promise<void> {
    const server = this.#server(id);
    await end(server.process, "SIGKILL");
  }

  /** Starts one that was killed on what it has on its disk. */
  async restart(id: number): Promise<void> {
    const server = this.#server(id);
    server.log = "";
    server.process = this.#spawn(server);
    await this.#untilServing(server);
  }

  pause(id: number): void {
    const server = this.#server(id);
    server.paused = true;
    server.process.kill("SIGSTOP");
  }

  resume(id: number): void {
    const server = this.#server(id);
    server.process.kill("SIGCONT");
    server.paused = false;
  }

  /** Adds a server as a learner, starts it, promotes it once it is level, and removes another one, which ends. */
  async replace(leaves: number): Promise<number> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const via = this.running[0];
    const place = this.#spare[0];
    if (via === undefined || place === undefined)
      throw new Error("there is nobody to join, or no place left");
    const id = Math.max(...this.#servers.map((server) => server.id)) + 1;
    const { address } = place;
    await this.#client.changeMembership(
      { type: { case: "addLearner", value: { nodeId: BigInt(id), address } } },
      { signal },
    );
    const joined = this.#start(id, ["--join", this.#server(via).address]);
    await this.#untilServing(joined);
    for (;;) {
      try {
        await this.#client.changeMembership({ type: { case: "promote", value: BigInt(id) } }, { signal });
        break;
      } catch (error) {
        // It is not level yet.
        if ((error as { code?: string }).code !== "refused") throw error;
        await sleep(50);
      }
    }
    await this.#client.changeMembership({ type: { case: "remove", value: BigInt(leaves) } }, { signal });
    const gone = this.#server(leaves);
    if (isUp(gone.process)) await once(gone.process, "exit", { signal });
    this.#servers.splice(this.#servers.indexOf(gone), 1);
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    await Promise.all(this.#servers.map(({ process }) => end(process, "SIGKILL")));
  }

  #start(id: number, args: readonly string[]): Server {
    const place = this.#spare.shift();
    if (place === undefined) throw new Error("no place is left");
    const all = ["--id", String(id), "--http", place.http, "--transport", this.transport, ...args];
    const more = ["--data-dir", join(this.directory, `server-${id}`)];
    const server = { id, ...place, args: [...all, ...more], paused: false, log: "" };
    const started: Server = Object.assign(server, { process: this.#spawn(server) });
    this.#servers.push(started);
    return started;
  }

  #spawn(server: Pick<Server, "args" | "log">): ChildProcess {
    const child = spawn(process.execPath, [program, ...server.args], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      server.log = (server.log + text).slice(-20_000);
    });
    return child;
  }

  async #untilServing(server: Server): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (!server.log.includes("serving HTTP")) {
      if (!isUp(server.process)) throw new Error(`server ${server.id} has ended:\n${server.log}`);
      const { stderr } = server.process;
      if (stderr !== null)
        await Promise.race([once(stderr, "data", { signal }), once(server.process, "exit", { signal })]);
    }
  }

  #server(id: number): Server {
    const server = this.#servers.find((one) => one.id === id);
    if (server === undefined) throw new Error(`there is no server ${id}`);
    return server;
  }
}

function isUp(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isUp(child)) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
