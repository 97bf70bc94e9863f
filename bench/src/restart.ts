// A node with many updates behind it is started: how soon it serves, and where the time goes.
import { execFileSync } from "node:child_process";
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { ClientUpdateSchema } from "@paxos/proto";
import { PipelinedLoad } from "./pipelined-load.js";
import { serverProgram } from "./server-process.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";

export interface RestartOptions {
  readonly transport: TransportName;
  readonly updateBytes: number;
  readonly updates: number;
  readonly onProgress: (what: string) => void;
}

export interface RestartResult {
  readonly updates: number;
  readonly diskMiB: number;
  /** Seqs that the log holds. */
  readonly logSeqs: number;
  /** Of each start, seconds from the start of the process until each point. */
  readonly starts: readonly Start[];
}

interface Start {
  /** A process of Node that does nothing. */
  readonly node: number;
  /** The program, when it only says its version. */
  readonly modules: number;
  /** It has loaded its store and listens. */
  readonly listens: number;
  /** It leads. */
  readonly leads: number;
  /** The first update is answered. */
  readonly serves: number;
}

const starts = 5;

export async function benchRestart(options: RestartOptions): Promise<RestartResult> {
  const { transport, updateBytes, updates, onProgress } = options;
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 1, transport, client });
  const { addresses } = servers;
  try {
    onProgress(`${updates} updates are ordered`);
    const load = new PipelinedLoad({ addresses, transport, updateBytes, inFlight: 1_024 });
    while (load.answered < updates) await new Promise((resolve) => setTimeout(resolve, 100));
    await load.stop();
    const { localAru = 0n, firstSeq = 0n } = (await servers.status(0)) ?? {};
    const measured: Start[] = [];
    for (let i = 0; i < starts; i++) {
      await servers.kill(0);
      onProgress(`start ${i + 1} of ${starts}`);
      measured.push(await measureStart(servers, transport));
    }
    const [diskMiB = 0] = await servers.diskUse();
    return { updates, diskMiB, logSeqs: Number(localAru - firstSeq) + 1, starts: measured };
  } finally {
    await client.close();
    await servers.stop();
  }
}

async function measureStart(servers: Servers, transport: TransportName): Promise<Start> {
  const node = timed(["-e", "0"]);
  const modules = timed([serverProgram, "--version"]);
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  const { child } = servers.startServer(0);
  let log = "";
  const points = { listens: Number.NaN, leads: Number.NaN };
  child.stderr?.on("data", (text: Buffer) => {
    log += text.toString();
    if (Number.isNaN(points.listens) && log.includes(" listening on ")) points.listens = since();
    if (Number.isNaN(points.leads) && log.includes(" leads view ")) points.leads = since();
  });
  await untilServed(servers.addresses[0] ?? "", transport);
  const serves = since();
  return { node, modules, ...points, serves };
}

function timed(args: readonly string[]): number {
  const started = performance.now();
  execFileSync(process.execPath, args, { stdio: "ignore" });
  return (performance.now() - started) / 1000;
}

/** Asks again and again, sooner than an application would that has others to think of. */
async function untilServed(address: string, transport: TransportName): Promise<void> {
  const update = create(ClientUpdateSchema, { clientId: BigInt(Date.now()), timestamp: 1n });
  for (;;) {
    const client = newClientTransport(transport);
    try {
      await client.clientUpdate(address, update, AbortSignal.timeout(10_000));
      return;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      await client.close();
    }
  }
}
