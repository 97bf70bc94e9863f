// The whole of it: three server processes on loopback, storage on disk, and what else there is to compare with.
import type { Part, PartOptions } from "../part.js";
import type { Chart } from "../report.js";
import { medianOf } from "../statistics.js";
import type { Table } from "../table.js";
import { transportNames } from "../transports.js";
import { best, type Measurement, type Results } from "./measurement.js";
import { startSubjects, type Subject } from "./subjects.js";
import { judge } from "./targets.js";

interface Effort {
  readonly updateBytes: number;
  readonly runs: number;
  readonly seconds: number;
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
  const effort: Effort = { updateBytes, runs, seconds, onProgress };
  const { subjects, ...running } = await startSubjects(
    options.transports ?? transportNames,
    against === "etcd",
  );
  try {
    const results = await measureAll(subjects, inFlight, effort);
    const halves = await measureHalves(subjects, results, effort);
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
      targets: judge(results, halves),
    };
  } finally {
    await running.stop();
  }
};

/** By turns, so that a bad minute of the machine is one for all. */
async function measureAll(
  subjects: readonly Subject[],
  inFlight: readonly number[],
  effort: Effort,
): Promise<Results> {
  const { updateBytes, seconds, runs, onProgress } = effort;
  const samples = new Map(subjects.map(({ name }) => [name, new Map<number, Measurement[]>()]));
  for (let run = 1; run <= runs; run++) {
    for (const count of inFlight) {
      for (const subject of subjects) {
        const measured = await subject.measure({ inFlight: count, updateBytes, seconds });
        const ofSubject = samples.get(subject.name);
        ofSubject?.set(count, [...(ofSubject.get(count) ?? []), measured]);
        onProgress(`run ${run} of ${runs}, ${count} in flight, ${subject.name}: ${inWords(measured)}`);
      }
    }
  }
  return new Map(
    [...samples].map(([name, byCount]) => [
      name,
      new Map([...byCount].map(([count, measured]) => [count, medians(measured)])),
    ]),
  );
}

/** At a steady rate of half of what each reaches at its best. */
async function measureHalves(
  subjects: readonly Subject[],
  results: Results,
  { updateBytes, seconds, runs, onProgress }: Effort,
): Promise<ReadonlyMap<string, Measurement>> {
  const halves = new Map<string, Measurement>();
  for (const subject of subjects.filter(({ paced }) => paced)) {
    const perSecond = best(results.get(subject.name)) / 2;
    const samples: Measurement[] = [];
    for (let run = 1; run <= runs; run++) {
      samples.push(await subject.measure({ inFlight: 1024, updateBytes, seconds, perSecond }));
      onProgress(`run ${run} of ${runs}, at half of its peak, ${subject.name}: ${inWords(samples.at(-1))}`);
    }
    halves.set(subject.name, medians(samples));
  }
  return halves;
}

function medians(samples: readonly Measurement[]): Measurement {
  const of = (value: (measured: Measurement) => number) => medianOf(samples.map(value));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    p999: of(({ p999 }) => p999),
    loadMicros: of(({ loadMicros }) => loadMicros),
    serverMicros: of(({ serverMicros }) => serverMicros),
    lag: of(({ lag }) => lag),
  };
}

function table(
  title: string,
  results: Results,
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

function halfTable(halves: ReadonlyMap<string, Measurement>): Table {
  return {
    title: "At a steady rate, half of what each reaches at its best",
    columns: ["", "updates/s", "p50, ms", "p99, ms", "p99.9, ms"],
    rows: [...halves].map(([name, { perSecond, p50, p99, p999 }]) => [name, perSecond, p50, p99, p999]),
  };
}

function chartsOf(results: Results): Chart[] {
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
        { title: "p99, ms", curves: curves(({ p99 }) => p99) },
      ],
    },
  ];
}

function inWords(measured: Measurement | undefined): string {
  const { perSecond = 0, p50 = 0, p99 = 0 } = measured ?? {};
  return `${Math.round(perSecond)}/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
}

function describe({ updateBytes, runs, seconds }: Effort, withEtcd: boolean): string {
  return (
    `Three server processes on loopback with their defaults, every update on disk before it is answered, updates of ${updateBytes} random bytes, ` +
    `medians of ${runs} runs of ${seconds} s after 2 s of warming up. The load is one process: @paxos/client sends many updates in a frame; ` +
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
