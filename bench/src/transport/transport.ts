// What the transports move between two processes on loopback, beside bare sockets that move, encode and decode the same with the same
// coalescing. The two take turns, many times: other load on the machine comes and goes.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { atExit } from "../clean-up.js";
import type { Part } from "../part.js";
import type { Target } from "../report.js";
import { medianOf } from "../statistics.js";
import type { Cell } from "../table.js";
import {
  newClientTransport,
  newReplicaTransport,
  transportNames,
  type TransportName,
} from "../transports.js";
import { messageSender, updateSender } from "./bare-socket.js";
import { contextOf } from "./context.js";
import {
  Answers,
  measure,
  messagesBy,
  roundTripsBy,
  updatesBy,
  updatesInFlight,
  type Move,
  type Rates,
} from "./contest.js";
import { loads } from "./loads.js";
import type { Places, Report, Request } from "./receiver.js";

interface Contest {
  readonly name: string;
  readonly bare: Move;
  readonly transport: Move;
}

interface Outcome {
  readonly transport: TransportName;
  readonly contest: string;
  readonly perSecond: number;
  readonly bare: number;
  /** Of the two that were measured right after each other. */
  readonly ratio: number;
  /** Microseconds of processor time for one, of both processes together. */
  readonly processor: number;
  readonly bareProcessor: number;
  /** By processor time: depends least on other load. */
  readonly byProcessor: number;
}

const wanted = 0.7;

export const transport: Part = async ({
  transports = transportNames,
  runs = 15,
  seconds = 0.25,
  onProgress,
}) => {
  const outcomes: Outcome[] = [];
  for (const name of transports) {
    await withContests(name, async (receiver, contests) => {
      for (const contest of contests) {
        const outcome = {
          transport: name,
          contest: contest.name,
          ...(await decide(receiver, contest, runs, seconds)),
        };
        outcomes.push(outcome);
        onProgress(`${name}, ${contest.name}: ${outcome.ratio.toFixed(2)} times a bare socket`);
      }
    });
  }
  const rows = outcomes.map((o): Cell[] => [
    o.transport,
    o.contest,
    o.perSecond,
    o.bare,
    o.ratio,
    o.processor,
    o.bareProcessor,
    o.byProcessor,
  ]);
  return {
    part: "transport",
    command: `pnpm bench transport --runs ${runs} --seconds ${seconds}`,
    about:
      `Messages from one process to another, and updates of 100 bytes that are answered at once. The bare socket encodes, decodes and gathers them ` +
      `in the same way, and does nothing else. Medians of ${runs} runs of ${seconds} s, by turns.`,
    tables: [
      {
        title: "Transports, beside a bare socket",
        columns: [
          "transport",
          "what",
          "per second",
          "bare socket",
          "ratio",
          "processor, µs",
          "bare, µs",
          "ratio by processor time",
        ],
        rows,
      },
    ],
    charts: [],
    targets: outcomes.filter((outcome) => outcome.transport === "tcp").map(judge),
  };
};

function judge({ contest, ratio }: Outcome): Target {
  return {
    what: `TCP transport, ${contest}`,
    wanted: `at least ${wanted} times a bare socket`,
    measured: `${ratio.toFixed(2)} times`,
    met: ratio >= wanted,
  };
}

async function decide(receiver: ChildProcess, contest: Contest, runs: number, seconds: number) {
  const samples: { readonly bare: Rates; readonly own: Rates }[] = [];
  // The first has code compiled.
  for (let run = 0; run <= runs; run++) {
    const bare = await measure(receiver, contest.bare, seconds);
    const own = await measure(receiver, contest.transport, seconds);
    if (run > 0) samples.push({ bare, own });
  }
  return {
    perSecond: medianOf(samples.map(({ own }) => own.perSecond)),
    bare: medianOf(samples.map(({ bare }) => bare.perSecond)),
    ratio: medianOf(samples.map(({ own, bare }) => own.perSecond / bare.perSecond)),
    processor: medianOf(samples.map(({ own }) => 1e6 / own.perCpuSecond)),
    bareProcessor: medianOf(samples.map(({ bare }) => 1e6 / bare.perCpuSecond)),
    byProcessor: medianOf(samples.map(({ own, bare }) => own.perCpuSecond / bare.perCpuSecond)),
  };
}

async function withContests(
  name: TransportName,
  what: (receiver: ChildProcess, contests: readonly Contest[]) => Promise<void>,
): Promise<void> {
  const receiver = fork(fileURLToPath(new URL("./receiver.js", import.meta.url)));
  const calledOff = atExit(() => receiver.kill("SIGKILL"));
  receiver.send(name);
  const [{ places }] = (await once(receiver, "message")) as [{ places: Places }];
  const own = newReplicaTransport(name);
  const client = newClientTransport(name);
  const answers = { own: new Answers(), bare: new Answers() };
  const messages = messageSender(places.messages, () => answers.bare.onAnswer());
  const updates = updateSender(places.updates);
  try {
    await Promise.all([
      new Promise<void>((resolve, reject) => {
        const onMessage = (): void => answers.own.onAnswer();
        const callbacks = { onConnected: () => resolve(), onMessage };
        own.start(contextOf(0, { nodeId: 1, address: places.transport }, callbacks)).then(() => {
          receiver.send({ sender: own.address ?? "" } satisfies Request);
        }, reject);
      }),
      new Promise<void>((resolve) => {
        receiver.on("message", (report: Report) => {
          if ("connected" in report) resolve();
        });
      }),
    ]);
    const { signal } = new AbortController();
    await what(receiver, [
      ...loads.map((load) => ({
        name: load.name,
        bare: messagesBy(receiver, (message) => messages.send(message), load),
        transport: messagesBy(receiver, (message) => own.send(message), load),
      })),
      ...[1, 64].map((underWay) => ({
        name: `proposals of 64 updates, answered, ${underWay} in flight`,
        bare: roundTripsBy((message) => messages.send(message), answers.bare, underWay),
        transport: roundTripsBy((message) => own.send(message), answers.own, underWay),
      })),
      {
        name: `updates of clients, ${updatesInFlight} in flight`,
        bare: updatesBy((update) => updates.submit(update)),
        transport: updatesBy((update) => client.clientUpdate(places.transport, update, signal)),
      },
    ]);
    const dropped = Object.entries(own.counters()).filter(([, count]) => count > 0);
    if (dropped.length > 0) throw new Error(`dropped: ${dropped.join(" ")}`);
  } finally {
    messages.close();
    updates.close();
    await Promise.all([own.close(), client.close()]);
    calledOff();
    receiver.kill("SIGKILL");
  }
}
