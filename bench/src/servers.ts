import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ClientTransport } from "@paxos/core";
import { Role } from "@paxos/proto";
import type { TransportName } from "./transports.js";

/** A cluster of server processes on loopback, with storage on disk. */
export class Servers {
  readonly #processes: ChildProcess[] = [];

  private constructor(
    readonly addresses: readonly string[],
    readonly directory: string,
  ) {}

  /** Starts them, and waits until one leads and has heard of all others. */
  static async start(count: number, transport: TransportName, client: ClientTransport): Promise<Servers> {
    const directory = await mkdtemp(join(tmpdir(), "paxos-bench-"));
    const servers = new Servers(await freeAddresses(count), directory);
    const hostfile = join(directory, "hostfile");
    await writeFile(hostfile, servers.addresses.join("\n") + "\n");
    const program = join(
      dirname(createRequire(import.meta.url).resolve("paxos-server/package.json")),
      "bin",
      "paxos-server.js",
    );
    for (let id = 0; id < count; id++) {
      const data = join(directory, `node-${id}`);
      const args = [program, "-h", hostfile, "-i", String(id), "--data-dir", data, "--transport", transport];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
      child.stderr?.on("data", (text: Buffer) => {
        if (process.env["PAXOS_BENCH_LOG"] !== undefined) process.stderr.write(text);
      });
      servers.#processes.push(child);
    }
    await servers.leader(client);
    return servers;
  }

  /** The leader's address, once there is one. */
  async leader(client: ClientTransport): Promise<string> {
    const deadline = Date.now() + 15_000;
    while (Date.now() < deadline) {
      for (const address of this.addresses) {
        try {
          const status = await client.status(address, AbortSignal.timeout(1000));
          if (status.role === Role.LEADER) return address;
        } catch {
          // Not up yet.
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("no server leads within 15 s; set PAXOS_BENCH_LOG=1 to see what they log");
  }

  /** The servers' resident memory, in MiB. */
  async memory(): Promise<number[]> {
    return Promise.all(
      this.#processes.map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
        return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
      }),
    );
  }

  async stop(): Promise<void> {
    const running = this.#processes.filter((child) => child.exitCode === null);
    const ended = running.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of this.#processes) child.kill("SIGKILL");
    await Promise.all(ended);
    await rm(this.directory, { recursive: true, force: true });
  }
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
