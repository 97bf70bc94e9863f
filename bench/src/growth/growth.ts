// What more nodes, larger updates and a longer log cost.
import type { Part } from "../part.js";
import { PipelinedLoad } from "../pipelined-load.js";
import type { Report } from "../report.js";
import { Servers } from "../servers.js";
import { newClientTransport, type TransportName } from "../transports.js";
import { measureWindow, type LoadedWindow } from "../window.js";

interface Effort {
  readonly transport: TransportName;
  readonly inFlight: number;
  readonly updateBytes: number;
  readonly seconds: number;
  readonly onProgress: (what: string) => void;
}

const clusterSizes = [3, 5, 7];
const updateSizes = [16, 100, 1024, 8 * 1024, 64 * 1024];
/** Programs that have just started are slow. */
const warmUpSeconds = 3;
/** The whole log is kept: nothing is dropped, no snapshot is taken. */
const keepLog = ["--snapshot-every", "1000000000", "--snapshot-every-bytes", "1024GiB"];
/** The logs that are measured. A shorter one cannot be, for programs that have just started are slow: so many updates make them warm. */
const logLengths = [200_000, 1_000_000, 10_000_000];
/** How much an update may cost more at the end. */
const mostGrowth = 1.1;

export const growth: Part = async (options): Promise<Report> => {
  const { updateBytes, seconds = 4, updates = 1_000_000, onProgress } = options;
  const [transport = "tcp"] = options.transports ?? [];
  const [inFlight = 256] = options.inFlight ?? [];
  const effort: Effort = { transport, inFlight, updateBytes, seconds, onProgress };
  const nodes: (readonly [number, LoadedWindow])[] = [];
  for (const count of clusterSizes) nodes.push([count, await ofCluster(count, effort)]);
  const sizes: (readonly [number, LoadedWindow])[] = [];
  for (const bytes of updateSizes) sizes.push([bytes, await ofCluster(3, { ...effort, updateBytes: bytes })]);
  const logs = await ofLogs(updates, effort);
  return {
    part: "growth",
    command: `pnpm bench growth --seconds ${seconds} --updates ${updates}`,
    about:
      `Servers with their defaults over ${transport}, one @paxos/client with ${inFlight} updates in flight, of ${updateBytes} random bytes where nothing else is said. ` +
      `For the length of the log, one cluster that keeps its whole log. Windows of ${seconds} s.`,
    tables: [
      {
        title: "Nodes",
        columns: ["nodes", "updates/s", "p50, ms", "p99, ms", "servers, µs/update"],
        rows: nodes.map(([count, window]) => [`${count}`, ...figures(window)]),
      },
      {
        title: "Size of an update",
        columns: ["bytes", "updates/s", "p50, ms", "p99, ms", "servers, µs/update", "MB/s"],
        rows: sizes.map(([bytes, window]) => [
          `${bytes}`,
          ...figures(window),
          (window.perSecond * bytes) / 1e6,
        ]),
      },
      {
        title: "Length of the log",
        columns: ["updates behind it", "updates/s", "p50, ms", "p99, ms", "servers, µs/update"],
        rows: logs.map(([length, window]) => [length.toLocaleString("en-US"), ...figures(window)]),
      },
    ],
    charts: [
      {
        name: "growth-log",
        xLabel: "updates in the log",
        logX: true,
        panels: [
          {
            title: "servers, µs of processor time per update",
            curves: [{ name: "cost", points: pointsOf(logs, (w) => w.serverMicros) }],
          },
        ],
      },
      {
        name: "growth-size",
        xLabel: "bytes of an update",
        logX: true,
        panels: [
          {
            title: "updates per second",
            curves: [{ name: "updates", points: pointsOf(sizes, (w) => w.perSecond) }],
          },
        ],
      },
    ],
    targets: judge(logs),
  };
};

async function ofCluster(count: number, effort: Effort): Promise<LoadedWindow> {
  return await withLoad(count, [], effort, async (servers, load) => {
    await load.measure(warmUpSeconds);
    const window = await measureWindow(servers, idsOf(count), load, effort.seconds);
    effort.onProgress(
      `${count} nodes, updates of ${effort.updateBytes} bytes: ${window.perSecond}/s, ${window.serverMicros.toFixed(1)} µs each`,
    );
    return window;
  });
}

/** One cluster, measured whenever its log has become ten times as long. */
async function ofLogs(most: number, effort: Effort): Promise<(readonly [number, LoadedWindow])[]> {
  return await withLoad(3, keepLog, effort, async (servers, load) => {
    const found: (readonly [number, LoadedWindow])[] = [];
    for (const length of logLengths.filter((each) => each <= most)) {
      while (load.answered < length) await load.measure(0.2);
      const window = await measureWindow(servers, idsOf(3), load, effort.seconds);
      effort.onProgress(
        `${length} updates in the log: ${window.perSecond}/s, ${window.serverMicros.toFixed(1)} µs each`,
      );
      found.push([length, window]);
    }
    return found;
  });
}

async function withLoad<T>(
  count: number,
  flags: readonly string[],
  { transport, inFlight, updateBytes }: Effort,
  what: (servers: Servers, load: PipelinedLoad) => Promise<T>,
): Promise<T> {
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count, transport, client, flags });
  const load = new PipelinedLoad({ addresses: servers.addresses, transport, updateBytes, inFlight });
  try {
    return await what(servers, load);
  } finally {
    await load.abandon();
    await client.close();
    await servers.stop();
  }
}

function judge(logs: readonly (readonly [number, LoadedWindow])[]): Report["targets"] {
  const [first, last] = [logs[0], logs.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const ratio = last[1].serverMicros / first[1].serverMicros;
  return [
    {
      what: `cost of an update, log of ${first[0].toLocaleString("en-US")} to ${last[0].toLocaleString("en-US")}`,
      wanted: `at most ${mostGrowth} times`,
      measured: `${ratio.toFixed(2)} times`,
      met: ratio <= mostGrowth,
    },
  ];
}

function figures({ perSecond, p50, p99, serverMicros }: LoadedWindow): number[] {
  return [perSecond, p50, p99, serverMicros];
}

function pointsOf(
  windows: readonly (readonly [number, LoadedWindow])[],
  value: (window: LoadedWindow) => number,
): (readonly [number, number])[] {
  return windows.map(([x, window]) => [x, value(window)]);
}

function idsOf(count: number): number[] {
  return Array.from({ length: count }, (_, id) => id);
}
