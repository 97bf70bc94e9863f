// What is measured side by side.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atExit } from "../clean-up.js";
import { processorTimeOf } from "../processor-time.js";
import { Servers } from "../servers.js";
import { newClientTransport, type TransportName } from "../transports.js";
import { Etcd } from "./etcd.js";
import type { LoadSetup, Way } from "./load-child.js";
import { ended, LoadProcess, said } from "./load-process.js";
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
  /** Ends its load. */
  end(): Promise<void>;
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
    // It ends with each measurement: what is compiled beforehand is never cold.
    end: () => Promise.resolve(),
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
  const subjects = waysOf[transport].map(([name, way]) =>
    subjectOf(name, way, (load, amount) => ofServers(servers, load, way, amount)),
  );
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
  const look = () => ({ spent: processorTimeOf(child.pid), lag: Number.NaN });
  const subjects = (
    [
      [names.bareStream, "gRPC stream"],
      [names.bareUnary, "gRPC unary"],
    ] as const
  ).map(([name, way]) =>
    subjectOf(name, way, (load, amount) => load.measure(setupOf(way, [address], amount), look)),
  );
  const stop = async () => {
    await ended(child);
    calledOff();
  };
  return { subjects, stop };
}

/** By gRPC to the leader, as a client does that knows it. */
async function ofServers(
  servers: Servers,
  load: LoadProcess,
  way: Way,
  amount: Amount,
): Promise<Measurement> {
  const leader = await servers.leader();
  const ids = [leader, ...[0, 1, 2].filter((id) => id !== leader)];
  const addresses = ids.map((id) => servers.addressOf(id));
  return load.measure(setupOf(way, addresses, amount), async () => {
    const spent = ids.reduce((sum, id) => sum + servers.process(id).processorTime(), 0);
    const { p99 } = (await servers.process(leader).ask()) as { p99: number };
    return { spent, lag: p99 };
  });
}

function setupOf(way: Way, addresses: readonly string[], amount: Amount): LoadSetup {
  return { way, addresses, warmUpSeconds, perSecond: undefined, ...amount };
}

/** A subject whose load is a process of its own, which starts when it is first needed: nothing is beside what is measured. */
function subjectOf(
  name: string,
  way: Way,
  measure: (load: LoadProcess, amount: Amount) => Promise<Measurement>,
): Subject {
  let load: LoadProcess | undefined;
  return {
    name,
    paced: way.startsWith("client"),
    measure: (amount) => measure((load ??= new LoadProcess()), amount),
    end: async () => load?.end(),
  };
}
