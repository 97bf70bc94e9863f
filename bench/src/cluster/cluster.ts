// The whole of it: three server processes on loopback, storage on disk, and what else there is to compare with.
import type { Part, PartOptions } from "../part.js";
import type { Chart } from "../report.js";
import { medianOf } from "../statistics.js";
import type { Table } from "../table.js";
import { transportNames } from "../transports.js";
import type { Measurement, Results } from "./measurement.js";
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
  const { results, halves } = await measureAll(groups, effort);
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
};

/** What was measured, by subject. */
class Samples {
  readonly #byCount = new Map<string, Map<number, Measurement[]>>();
  readonly #atHalf = new Map<string, Measurement[]>();

  add(name: string, count: number, measured: Measurement): void {
    const ofSubject = this.#byCount.get(name) ?? new Map<number, Measurement[]>();
    this.#byCount.set(name, ofSubject.set(count, [...(ofSubject.get(count) ?? []), measured]));
  }

  addAtHalf(name: string, measured: Measurement): void {
    this.#atHalf.set(name, [...(this.#atHalf.get(name) ?? []), measured]);
  }

  get results(): Results {
    const ofSubject = (byCount: ReadonlyMap<number, Measurement[]>) =>
      new Map([...byCount].map(([count, measured]) => [count, medians(measured)]));
    return new Map([...this.#byCount].map(([name, byCount]) => [name, ofSubject(byCount)]));
  }

  get halves(): ReadonlyMap<string, Measurement> {
    return new Map([...this.#atHalf].map(([name, measured]) => [name, medians(measured)]));
  }
}

/** Group after group, run after run, so that a bad minute of the machine is one for all. */
async function measureAll(
  groups: readonly Group[],
  effort: Effort,
): Promise<Pick<Samples, "results" | "halves">> {
  const samples = new Samples();
  for (let run = 1; run <= effort.runs; run++) {
    for (const group of groups) {
      const running = await group.start();
      try {
        for (const subject of running.subjects) {
          try {
            await measureSubject(subject, run, effort, samples);
          } finally {
            await subject.end();
          }
        }
      } finally {
        await running.stop();
      }
    }
  }
  return samples;
}

/**
 * Discarded. One update at a time, code of Node is interpreted for thousands of updates, which takes several times as long; a server that has
 * been up for a minute is past that.
 */
const warmUp = [
  { inFlight: 256, seconds: 1 },
  { inFlight: 1, seconds: 4 },
] as const;

/** With each number in flight, and then at a steady rate of half of the best of those. */
async function measureSubject(
  subject: Subject,
  run: number,
  effort: Effort,
  samples: Samples,
): Promise<void> {
  const { updateBytes, seconds, runs, inFlight, onProgress } = effort;
  const { name } = subject;
  let most = 0;
  for (const amount of warmUp) await subject.measure({ updateBytes, ...amount });
  for (const count of inFlight) {
    const measured = await subject.measure({ inFlight: count, updateBytes, seconds });
    samples.add(name, count, measured);
    most = Math.max(most, measured.perSecond);
    onProgress(`run ${run} of ${runs}, ${name}, ${count} in flight: ${inWords(measured)}`);
  }
  if (!subject.paced) return;
  const measured = await subject.measure({ inFlight: 1024, updateBytes, seconds, perSecond: most / 2 });
  samples.addAtHalf(name, measured);
  onProgress(`run ${run} of ${runs}, ${name}, at half of its peak: ${inWords(measured)}`);
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
    `At a steady rate, latencies count from when an update was due. The load is one process: @paxos/client sends many updates in a frame; ` +
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
