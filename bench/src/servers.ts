import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ClientTransport } from "@paxos/core";
import { Role, type StatusResponse } from "@paxos/proto";
import type { TransportName } from "./transports.js";

/** What is measured: the program as users run it. */
export const serverProgram = join(
  dirname(createRequire(import.meta.url).resolve("paxos-server/package.json")),
  "bin",
  "paxos-server.js",
);

/** How servers are started. */
export interface ServersOptions {
  readonly count: number;
  readonly transport: TransportName;
  /** Asks them how they stand; closed by its owner. */
  readonly client: ClientTransport;
}

/** A cluster of server processes on loopback, with storage on disk. */
export class Servers {
  readonly #processes: ChildProcess[] = [];

  private constructor(
    readonly addresses: readonly string[],
    readonly directory: string,
    readonly options: ServersOptions,
  ) {}

  /** Starts them, and waits until one leads and has heard of all others. */
  static async start(options: ServersOptions): Promise<Servers> {
    const directory = await mkdtemp(join(tmpdir(), "paxos-bench-"));
    const servers = new Servers(await freeAddresses(options.count), directory, options);
    await writeFile(join(directory, "hostfile"), servers.addresses.join("\n") + "\n");
    for (let id = 0; id < options.count; id++) servers.startServer(id);
    await servers.leader();
    return servers;
  }

  /** Starts one; for the first time, or after it was killed. */
  startServer(id: number): ChildProcess {
    const { directory, options } = this;
    const hostfile = join(directory, "hostfile");
    const where = ["-h", hostfile, "-i", String(id), "--data-dir", this.dataDirectory(id)];
    const args = [serverProgram, ...where, "--transport", options.transport];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (text: Buffer) => {
      if (process.env["PAXOS_BENCH_LOG"] !== undefined) process.stderr.write(text);
    });
    return (this.#processes[id] = child);
  }

  /** As `kill -9` does. */
  async kill(id: number): Promise<void> {
    const child = this.#processes[id];
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  dataDirectory(id: number): string {
    return join(this.directory, `node-${id}`);
  }

  /** How one stands; undefined when it does not answer. */
  async status(id: number): Promise<StatusResponse | undefined> {
    try {
      return await this.options.client.status(this.addresses[id] ?? "", AbortSignal.timeout(1000));
    } catch {
      // Not up yet.
      return undefined;
    }
  }

  /** The leader's id, once there is one. */
  async leader(): Promise<number> {
    const deadline = Date.now() + 15_000;
    while (Date.now() < deadline) {
      for (const id of this.addresses.keys()) {
        if ((await this.status(id))?.role === Role.LEADER) return id;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("no server leads within 15 s; set PAXOS_BENCH_LOG=1 to see what they log");
  }

  /** The servers' resident memory, in MiB. Linux only: elsewhere NaN. */
  async memory(): Promise<number[]> {
    return Promise.all(
      this.#processes.map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
        return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
      }),
    );
  }

  /** Seconds of processor time that one has taken. Linux only: elsewhere NaN. */
  async processorTime(id: number): Promise<number> {
    const text = await readFile(`/proc/${this.#processes[id]?.pid}/stat`, "utf8").catch(() => "");
    // Behind the name, which may hold anything: the 12th and 13th field, in hundredths of a second.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) / 100;
  }

  /** What their data directories take, in MiB. */
  async diskUse(): Promise<number[]> {
    return Promise.all(this.addresses.map((_, id) => sizeOf(this.dataDirectory(id))));
  }

  async stop(): Promise<void> {
    await Promise.all(this.addresses.map((_, id) => this.kill(id)));
    await rm(this.directory, { recursive: true, force: true });
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

async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports.map((port) => `127.0.0.1:${port}`);
}
