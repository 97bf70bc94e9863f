// The whole of it: three server processes on loopback, storage on disk, and what else there is to compare with.
import type { Part, PartOptions } from "../part.js";
import type { Chart } from "../report.js";
import type { Table } from "../table.js";
import { transportNames } from "../transports.js";
import type { Measurement } from "./measurement.js";
import { best, mediansOf, type Run } from "./run.js";
import { groupsOf, type Group, type Subject } from "./subjects.js";
import { judge } from "./targets.js";

interface Effort {
  readonly updateBytes: number;
  readonly runs: number;
  readonly seconds: number;
  readonly inFlight: readonly number[];
  readonly onProgress: (what: string) => void;
}

export const cluster: Part = async (options) => {
  const {
    updateBytes,
    runs = 3,
    seconds = 3,
    inFlight = [1, 16, 64, 256, 1024],
    against,
    onProgress,
  } = options;
  const effort: Effort = { updateBytes, runs, seconds, inFlight, onProgress };
  const groups = groupsOf(options.transports ?? transportNames, against === "etcd");
  const measured = await measureAll(groups, effort);
  const { results, halves } = mediansOf(measured);
  return {
    part: "cluster",
    command: commandOf(options),
    about: describe(effort, against !== undefined),
    tables: [
      table("Updates per second", results, inFlight, ({ perSecond }) => perSecond),
      table("p50, ms", results, inFlight, ({ p50 }) => p50),
      table("p99, ms", results, inFlight, ({ p99 }) => p99),
      table("p99.9, ms", results, inFlight, ({ p999 }) => p999),
      table(
        "Processor time of the servers, all together, µs per update",
        results,
        inFlight,
        (m) => m.serverMicros,
      ),
      table("Processor time of the load, µs per update", results, inFlight, ({ loadMicros }) => loadMicros),
      table("How late the leader's event loop was, p99, ms", results, inFlight, ({ lag }) => lag),
      halfTable(halves),
    ],
    charts: chartsOf(results),
    targets: judge(measured),
  };
};

/** Group after group, run after run, so that a bad minute of the machine is one for all. */
async function measureAll(groups: readonly Group[], effort: Effort): Promise<Run[]> {
  const runs: Run[] = [];
  for (let run = 1; run <= effort.runs; run++) {
    const results = new Map<string, ReadonlyMap<number, Measurement>>();
    const halves = new Map<string, Measurement>();
    for (const group of groups) {
      const running = await group.start();
      try {
        for (const subject of running.subjects) {
          const { byCount, half } = await measureSubject(subject, run, effort);
          results.set(subject.name, byCount);
          if (half !== undefined) halves.set(subject.name, half);
        }
      } finally {
        await running.stop();
      }
    }
    runs.push({ results, halves });
  }
  return runs;
}

/**
 * Discarded. One update at a time, code of Node is interpreted for thousands of updates, which takes several times as long; a server that has
 * been up for a minute is past that.
 */
const warmUp = [
  { inFlight: 256, seconds: 1 },
  { inFlight: 1, seconds: 4 },
] as const;

interface Measured {
  readonly byCount: ReadonlyMap<number, Measurement>;
  readonly half: Measurement | undefined;
}

/** With each number in flight, and then at a steady rate of half of the best of those. */
async function measureSubject(subject: Subject, run: number, effort: Effort): Promise<Measured> {
  const { updateBytes, seconds, runs, inFlight, onProgress } = effort;
  const tell = (how: string, measured: Measurement) =>
    onProgress(`run ${run} of ${runs}, ${subject.name}, ${how}: ${inWords(measured)}`);
  const byCount = new Map<number, Measurement>();
  try {
    for (const amount of warmUp) await subject.measure({ updateBytes, ...amount });
    for (const count of inFlight) {
      const measured = await subject.measure({ inFlight: count, updateBytes, seconds });
      byCount.set(count, measured);
      tell(`${count} in flight`, measured);
    }
    if (!subject.paced) return { byCount, half: undefined };
    const perSecond = (best(byCount) ?? Number.NaN) / 2;
    const half = await subject.measure({ inFlight: 1024, updateBytes, seconds, perSecond });
    tell("at half of its peak", half);
    return { byCount, half };
  } finally {
    await subject.end();
  }
}

function table(
  title: string,
  results: Run["results"],
  inFlight: readonly number[],
  value: (measured: Measurement) => number,
): Table {
  const rows = [...results].map(([name, byCount]) => [
    name,
    ...inFlight.map((count) => {
      const measured = byCount.get(count);
      return measured === undefined ? Number.NaN : value(measured);
    }),
  ]);
  return { title, columns: ["in flight", ...inFlight.map(String)], rows };
}

function halfTable(halves: Run["halves"]): Table {
  return {
    title: "At a steady rate, half of what each reaches at its best",
    columns: ["", "updates/s", "p50, ms", "p99, ms", "p99.9, ms"],
    rows: [...halves].map(([name, { perSecond, p50, p99, p999 }]) => [name, perSecond, p50, p99, p999]),
  };
}

function chartsOf(results: Run["results"]): Chart[] {
  const curves = (value: (measured: Measurement) => number) =>
    [...results].map(([name, byCount]) => ({
      name,
      points: [...byCount].map(([count, measured]) => [count, value(measured)] as const),
    }));
  return [
    {
      name: "cluster",
      xLabel: "updates in flight",
      logX: true,
      panels: [
        { title: "updates per second", curves: curves(({ perSecond }) => perSecond) },
        { title: "p99, ms", curves: curves(({ p99 }) => p99), logY: true },
      ],
    },
  ];
}

function inWords({ perSecond, p50, p99 }: Measurement): string {
  return `${Math.round(perSecond)}/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
}

function describe({ updateBytes, runs, seconds }: Effort, withEtcd: boolean): string {
  return (
    `Three server processes on loopback with their defaults, every update on disk before it is answered, updates of ${updateBytes} random bytes, ` +
    `medians of ${runs} runs of ${seconds} s, each after 2 s of warming up. ` +
    `Before its first one, whatever is measured runs for nine seconds with 256 and with 1 in flight, so that code of Node is compiled. ` +
    `At a steady rate, latencies count from when an update was due. Targets are judged by the run whose ratio is the median. The load is one process: @paxos/client sends many updates in a frame; ` +
    `by gRPC each update in flight is a caller of its own, which sends the next one when it is answered, to the leader. ` +
    `The bare echo is a connect-node server that answers the same calls at once. ` +
    (withEtcd
      ? `etcd has three members on loopback with its defaults; its load is one process in Go, whose callers are spread over the members.`
      : `etcd was not measured (--against etcd), so that targets that compare with it are left out.`)
  );
}

function commandOf({ updateBytes, runs, seconds, inFlight, transports, against }: PartOptions): string {
  const flags: [string, unknown][] = [
    ["against", against],
    ["runs", runs],
    ["seconds", seconds],
    ["in-flight", inFlight?.join(" ")],
    ["transport", transports?.join(" ")],
    ["size", updateBytes === 100 ? undefined : updateBytes],
  ];
  const given = flags.filter(([, value]) => value !== undefined);
  return ["pnpm bench cluster", ...given.map(([name, value]) => `--${name} ${String(value)}`)].join(" ");
}
