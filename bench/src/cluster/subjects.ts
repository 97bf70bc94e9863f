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

/** Those that are up, and what stops them. */
export interface Subjects {
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

export async function startSubjects(
  transports: readonly TransportName[],
  withEtcd: boolean,
): Promise<Subjects> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => void (await Promise.all(stops.map((each) => each())));
  const subjects: Subject[] = [];
  try {
    if (withEtcd) {
      const etcd = await Etcd.start();
      stops.push(() => etcd.stop());
      subjects.push({
        name: names.etcd,
        paced: true,
        measure: (amount) => etcd.measure({ warmUpSeconds, perSecond: undefined, ...amount }),
      });
    }
    for (const transport of transports) {
      const client = newClientTransport(transport);
      stops.push(() => client.close());
      const servers = await Servers.start({ count: 3, transport, client, nodeFlags: probe });
      stops.push(() => servers.stop());
      const ways: (readonly [string, Way])[] =
        transport === "tcp"
          ? [[names.tcp, "client over TCP"]]
          : [
              [names.connect, "client over HTTP/2"],
              [names.stream, "gRPC stream"],
              [names.unary, "gRPC unary"],
            ];
      for (const [name, way] of ways)
        subjects.push({
          name,
          paced: way.startsWith("client"),
          measure: (amount) => ofServers(servers, way, amount),
        });
    }
    if (transports.includes("connect")) {
      const echo = await startEcho();
      stops.push(() => Promise.resolve(echo.stop()));
      for (const [name, way] of [
        [names.bareStream, "gRPC stream"],
        [names.bareUnary, "gRPC unary"],
      ] as const)
        subjects.push({
          name,
          paced: false,
          measure: (amount) => measure(way, [echo.address], [echo.pid], amount),
        });
    }
    return { subjects, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** By gRPC to the leader, as a client does that knows it. */
async function ofServers(servers: Servers, way: Way, amount: Amount): Promise<Measurement> {
  const leader = await servers.leader();
  const all = [0, 1, 2].map((id) => servers.process(id));
  const addresses = [leader, ...[0, 1, 2].filter((id) => id !== leader)].map((id) => servers.addressOf(id));
  await servers.process(leader).ask();
  const measured = await measure(
    way,
    addresses,
    all.map(({ child }) => child.pid),
    amount,
  );
  const { p99 } = (await servers.process(leader).ask()) as { p99: number };
  return { ...measured, lag: p99 };
}

async function measure(
  way: Way,
  addresses: readonly string[],
  pids: readonly (number | undefined)[],
  { inFlight, updateBytes, seconds, perSecond }: Amount,
): Promise<Measurement> {
  const child = fork(fileURLToPath(new URL("./load-child.js", import.meta.url)));
  const calledOff = atExit(() => child.kill("SIGKILL"));
  const processors = () => pids.reduce((sum: number, pid) => sum + processorTimeOf(pid), 0);
  try {
    const setup: LoadSetup = { way, addresses, inFlight, updateBytes, warmUpSeconds, seconds, perSecond };
    child.send(setup);
    await said(child);
    const before = processors();
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
      serverMicros: micros(processors() - before),
      lag: Number.NaN,
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

async function startEcho(): Promise<{ address: string; pid: number | undefined; stop(): void }> {
  const child = fork(fileURLToPath(new URL("./echo-server.js", import.meta.url)));
  const calledOff = atExit(() => child.kill("SIGKILL"));
  const address = (await said(child)) as string;
  const stop = () => {
    calledOff();
    child.kill("SIGKILL");
  };
  return { address, pid: child.pid, stop };
}
