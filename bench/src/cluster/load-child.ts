// The load, as a process of its own: one client, many updates under way. Asked for one measurement after the other.
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { ClientUpdateSchema } from "@paxos/proto";
import { ConnectClientTransport } from "@paxos/transport-connect";
import { PipelinedLoad, randomBytes } from "../pipelined-load.js";
import { percentile } from "../statistics.js";

/** How updates are sent. */
export type Way =
  /** By @paxos/client, which finds the leader. */
  | "client over TCP"
  | "client over HTTP/2"
  /** By gRPC, to the first address: on one stream, or each as a call. */
  | "gRPC stream"
  | "gRPC unary";

export interface LoadSetup {
  readonly way: Way;
  readonly addresses: readonly string[];
  readonly inFlight: number;
  readonly updateBytes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Undefined: as many as go. */
  readonly perSecond: number | undefined;
}

/** Seconds of processor time of this process come with it. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly processor: number;
}

/** What the parent says next. */
async function told(): Promise<unknown> {
  return new Promise((resolve) => process.once("message", resolve));
}

async function load(setup: LoadSetup): Promise<LoadResult> {
  return setup.way.startsWith("client") ? byClient(setup) : byGrpc(setup);
}

async function byClient(setup: LoadSetup): Promise<LoadResult> {
  const { addresses, updateBytes, inFlight, perSecond = Infinity } = setup;
  const transport = setup.way === "client over TCP" ? "tcp" : "connect";
  const load = new PipelinedLoad({ addresses, transport, updateBytes, inFlight, sinceDue: true }, perSecond);
  await load.measure(setup.warmUpSeconds);
  await lookedAt("begin");
  const before = processorSeconds();
  const { perSecond: measured, p50, p99, p999 } = await load.measure(setup.seconds);
  const processor = processorSeconds() - before;
  await lookedAt("end");
  await load.stop();
  return { perSecond: measured, p50, p99, p999, processor };
}

/** Closed loops: each sends its next update when the last one is answered. */
async function byGrpc({
  way,
  addresses,
  inFlight,
  updateBytes,
  warmUpSeconds,
  seconds,
}: LoadSetup): Promise<LoadResult> {
  const transport = new ConnectClientTransport({
    protocol: "grpc",
    updates: way === "gRPC stream" ? "stream" : "unary",
  });
  const address = addresses[0] as string;
  const samples: number[] = [];
  let measuring = false;
  let stopped = false;
  const signal = new AbortController().signal;
  const worker = async (clientId: bigint): Promise<void> => {
    for (let timestamp = 1n; !stopped; timestamp++) {
      const started = performance.now();
      const update = create(ClientUpdateSchema, { clientId, timestamp, update: randomBytes(updateBytes) });
      try {
        await transport.clientUpdate(address, update, signal);
      } catch (error) {
        if (!(error instanceof RequestError) || error.code !== "busy") throw error;
        continue;
      }
      if (measuring) samples.push(performance.now() - started);
    }
  };
  const first = BigInt(Date.now()) << 20n;
  const workers = Array.from({ length: inFlight }, (_, i) => worker(first + BigInt(i)));
  await pause(warmUpSeconds);
  await lookedAt("begin");
  const before = processorSeconds();
  measuring = true;
  await pause(seconds);
  measuring = false;
  const processor = processorSeconds() - before;
  await lookedAt("end");
  stopped = true;
  await Promise.all(workers);
  await transport.close();
  samples.sort((a, b) => a - b);
  const at = (share: number) => percentile(samples, share);
  return { perSecond: samples.length / seconds, p50: at(0.5), p99: at(0.99), p999: at(0.999), processor };
}

/** The parent looks at the servers' clocks now; the load goes on meanwhile. */
async function lookedAt(what: "begin" | "end"): Promise<void> {
  process.send?.(what);
  await told();
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

for (;;) process.send?.(await load((await told()) as LoadSetup));
