// What the TCP transport moves between two processes on loopback, against bare sockets that move, encode and decode the
// same with the same coalescing:  pnpm run bench [seconds per measurement] [rounds]
//
// The two take turns, several times; what counts is the ratio of their medians, as other load on the machine comes and
// goes. The ratio by processor time, of both processes together, depends on such load least.
import type { ClientUpdate, Message } from "@paxos/proto";
import { fork, type ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { fileURLToPath } from "node:url";
import { TcpClientTransport, TcpReplicaTransport } from "../src/index.js";
import { messageSender, updateSender } from "./bare-socket.js";
import { contextOf } from "./context.js";
import { loads, makeUpdate, type Load } from "./loads.js";
import { confirmEvery, receive, type Places, type Report } from "./receiver.js";

const updatesInFlight = 1024;

/** What was moved a second, and a second of processor time. */
interface Rates {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** Moves things for about so many seconds; resolves with how many. */
type Move = (seconds: number) => Promise<number>;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Milliseconds of processor time that both processes have spent. */
async function cpuMs(receiver: ChildProcess): Promise<number> {
  receiver.send("cpu");
  for await (const [report] of on(receiver, "message") as AsyncIterable<[Report]>) {
    if (!("cpuMs" in report)) continue;
    const { user, system } = process.cpuUsage();
    return report.cpuMs + (user + system) / 1000;
  }
  throw new Error("the receiver has gone");
}

async function measure(receiver: ChildProcess, move: Move, seconds: number): Promise<Rates> {
  const cpuBefore = await cpuMs(receiver);
  const start = performance.now();
  const moved = await move(seconds);
  const tookMs = performance.now() - start;
  return {
    perSecond: (moved / tookMs) * 1000,
    perCpuSecond: (moved / ((await cpuMs(receiver)) - cpuBefore)) * 1000,
  };
}

function messagesBy(
  receiver: ChildProcess,
  send: (message: Message) => void,
  { make, perTurn, window }: Load,
): Move {
  return async (seconds) => {
    let confirmed = 0;
    const onReport = (report: Report): void => {
      if ("count" in report) confirmed = Math.max(confirmed, report.count);
    };
    receiver.on("message", onReport);
    const end = performance.now() + seconds * 1000;
    let sent = 0;
    while (performance.now() < end || sent % confirmEvery !== 0) {
      for (let i = 0; i < perTurn; i++) send(make());
      sent += perTurn;
      do await turn();
      while (sent - confirmed > window);
    }
    while (confirmed < sent) await turn();
    receiver.off("message", onReport);
    return sent;
  };
}

/** Callers side by side, each with one update after the other. */
function updatesBy(submit: (update: ClientUpdate) => Promise<unknown>): Move {
  return async (seconds) => {
    const end = performance.now() + seconds * 1000;
    let answered = 0;
    const caller = async (): Promise<void> => {
      while (performance.now() < end) {
        await submit(makeUpdate());
        answered++;
      }
    };
    await Promise.all(Array.from({ length: updatesInFlight }, caller));
    return answered;
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const thousands = (perSecond: number): string => `${Math.round(perSecond / 1000)} k/s`;

interface Contest {
  readonly name: string;
  readonly bare: Move;
  readonly transport: Move;
  /** Updates in each thing moved, when there are several. */
  readonly updates?: number;
}

async function compare(receiver: ChildProcess, contest: Contest, seconds: number, rounds: number) {
  const bare: Rates[] = [];
  const transport: Rates[] = [];
  // The first round has code compiled.
  for (let round = -1; round < rounds; round++) {
    const rates = [
      await measure(receiver, contest.bare, seconds),
      await measure(receiver, contest.transport, seconds),
    ] as const;
    if (round < 0) continue;
    bare.push(rates[0]);
    transport.push(rates[1]);
  }
  const of = (rates: Rates[], what: keyof Rates): number => median(rates.map((each) => each[what]));
  const [without, with_] = [of(bare, "perSecond"), of(transport, "perSecond")];
  const byCpu = of(transport, "perCpuSecond") / of(bare, "perCpuSecond");
  const { updates = 1 } = contest;
  process.stdout.write(
    `${contest.name}: bare socket ${thousands(without)}, transport ${thousands(with_)}` +
      (updates > 1 ? ` (${thousands(with_ * updates)} updates)` : "") +
      `, ratio ${(with_ / without).toFixed(2)}, by processor time ${byCpu.toFixed(2)}\n`,
  );
}

async function main(): Promise<void> {
  const [seconds, rounds] = [Number(process.argv[2] ?? 0.25), Number(process.argv[3] ?? 25)];
  const receiver = fork(fileURLToPath(import.meta.url), ["receive"]);
  const [{ places }] = (await once(receiver, "message")) as [{ places: Places }];
  const transport = new TcpReplicaTransport();
  await new Promise<void>((resolve) => {
    const onConnected = (): void => resolve();
    void transport.start(contextOf(0, { nodeId: 1, address: places.transport }, { onConnected }));
  });
  const client = new TcpClientTransport();
  const messages = messageSender(places.messages);
  const updates = updateSender(places.updates);
  const { signal } = new AbortController();
  for (const load of loads) {
    const contest = {
      name: load.name,
      bare: messagesBy(receiver, (message) => messages.send(message), load),
      transport: messagesBy(receiver, (message) => transport.send(message), load),
      updates: load.updates,
    };
    await compare(receiver, contest, seconds, rounds);
  }
  const contest = {
    name: `updates of clients, ${updatesInFlight} in flight`,
    bare: updatesBy((update) => updates.submit(update)),
    transport: updatesBy((update) => client.clientUpdate(places.transport, update, signal)),
  };
  await compare(receiver, contest, seconds, rounds);
  const dropped = Object.entries(transport.counters()).filter(([, count]) => count > 0);
  if (dropped.length > 0) throw new Error(`dropped: ${dropped.join(" ")}`);
  messages.close();
  updates.close();
  await Promise.all([transport.close(), client.close()]);
  receiver.disconnect();
}

await (process.argv[2] === "receive" ? receive() : main());
