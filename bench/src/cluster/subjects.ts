// What is measured side by side.
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atExit } from "../clean-up.js";
import { processorTimeOf } from "../processor-time.js";
import { Servers } from "../servers.js";
import { newClientTransport, type TransportName } from "../transports.js";
import { Etcd } from "./etcd.js";
import type { LoadResult, LoadSetup, Way } from "./load-child.js";
import type { Measurement } from "./measurement.js";

interface Amount {
  readonly inFlight: number;
  readonly updateBytes: number;
  readonly seconds: number;
  /** Undefined: as many as go. */
  readonly perSecond?: number;
}

export interface Subject {
  readonly name: string;
  /** Whether it can keep to a rate. */
  readonly paced: boolean;
  measure(amount: Amount): Promise<Measurement>;
}

/** Subjects that share their servers. */
export interface Group {
  /** Nothing else runs meanwhile: idle servers take time, too. */
  start(): Promise<RunningGroup>;
}

interface RunningGroup {
  readonly subjects: readonly Subject[];
  stop(): Promise<void>;
}

export const names = {
  tcp: "@paxos/client over TCP, pipelined",
  connect: "@paxos/client over HTTP/2, pipelined",
  stream: "gRPC, bidirectional stream",
  unary: "gRPC, unary",
  bareStream: "bare connect-node echo, bidirectional stream",
  bareUnary: "bare connect-node echo, unary",
  etcd: "etcd, gRPC, unary",
} as const;

const warmUpSeconds = 2;

/** Loaded into servers: tells how late their event loops were. */
const probe = ["--import", new URL("./lag-probe.js", import.meta.url).href];

export function groupsOf(transports: readonly TransportName[], withEtcd: boolean): Group[] {
  const groups: Group[] = [];
  if (withEtcd) groups.push({ start: startEtcd });
  for (const transport of transports) groups.push({ start: () => startServers(transport) });
  if (transports.includes("connect")) groups.push({ start: startEcho });
  return groups;
}

async function startEtcd(): Promise<RunningGroup> {
  const etcd = await Etcd.start();
  const subject: Subject = {
    name: names.etcd,
    paced: true,
    measure: (amount) => etcd.measure({ warmUpSeconds, perSecond: undefined, ...amount }),
  };
  return { subjects: [subject], stop: () => etcd.stop() };
}

const waysOf: Readonly<Record<TransportName, readonly (readonly [string, Way])[]>> = {
  tcp: [[names.tcp, "client over TCP"]],
  connect: [
    [names.connect, "client over HTTP/2"],
    [names.stream, "gRPC stream"],
    [names.unary, "gRPC unary"],
  ],
};

async function startServers(transport: TransportName): Promise<RunningGroup> {
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client, nodeFlags: probe });
  const subjects = waysOf[transport].map(([name, way]) => ({
    name,
    paced: way.startsWith("client"),
    measure: (amount: Amount) => ofServers(servers, way, amount),
  }));
  const stop = async () => {
    await client.close();
    await servers.stop();
  };
  return { subjects, stop };
}

async function startEcho(): Promise<RunningGroup> {
  const child = fork(fileURLToPath(new URL("./echo-server.js", import.meta.url)));
  const calledOff = atExit(() => child.kill("SIGKILL"));
  const address = (await said(child)) as string;
  const subjects = (
    [
      [names.bareStream, "gRPC stream"],
      [names.bareUnary, "gRPC unary"],
    ] as const
  ).map(([name, way]) => ({
    name,
    paced: false,
    measure: (amount: Amount) =>
      measure(way, [address], amount, () => ({ spent: processorTimeOf(child.pid), lag: Number.NaN })),
  }));
  const stop = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    calledOff();
  };
  return { subjects, stop };
}

/** How the servers stand: seconds of processor time since they started, and how late the leader's event loop was since the last look. */
interface Look {
  readonly spent: number;
  readonly lag: number;
}

/** By gRPC to the leader, as a client does that knows it. */
async function ofServers(servers: Servers, way: Way, amount: Amount): Promise<Measurement> {
  const leader = await servers.leader();
  const ids = [leader, ...[0, 1, 2].filter((id) => id !== leader)];
  return measure(
    way,
    ids.map((id) => servers.addressOf(id)),
    amount,
    async () => {
      const spent = ids.reduce((sum, id) => sum + servers.process(id).processorTime(), 0);
      // Of what was since it was last asked.
      const { p99 } = (await servers.process(leader).ask()) as { p99: number };
      return { spent, lag: p99 };
    },
  );
}

/** Looks at the servers before and after. */
async function measure(
  way: Way,
  addresses: readonly string[],
  { inFlight, updateBytes, seconds, perSecond }: Amount,
  look: () => Look | Promise<Look>,
): Promise<Measurement> {
  const child = fork(fileURLToPath(new URL("./load-child.js", import.meta.url)));
  const calledOff = atExit(() => child.kill("SIGKILL"));
  try {
    const setup: LoadSetup = { way, addresses, inFlight, updateBytes, warmUpSeconds, seconds, perSecond };
    child.send(setup);
    await said(child);
    const before = await look();
    child.send("go");
    await said(child);
    const after = await look();
    child.send("go");
    const { processor, perSecond: answered, ...latencies } = (await said(child)) as LoadResult;
    const updates = answered * seconds;
    const micros = (spent: number) => (spent * 1e6) / updates;
    return {
      perSecond: answered,
      // Nothing answered: on the way from the other process what is not a number becomes nothing.
      p50: latencies.p50 ?? Number.NaN,
      p99: latencies.p99 ?? Number.NaN,
      p999: latencies.p999 ?? Number.NaN,
      loadMicros: micros(processor),
      serverMicros: micros(after.spent - before.spent),
      lag: after.lag,
    };
  } finally {
    calledOff();
    child.kill("SIGKILL");
  }
}

async function said(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the load ended with status ${code}`)));
  });
}
