// What the cluster must reach, as ratios within one run: between runs the machine may have become another.
import type { Target } from "../report.js";
import { best, type Run } from "./run.js";
import { names } from "./subjects.js";

type Value = (run: Run) => number | undefined;

/** What stands beside what, and the bound of its ratio. */
interface Wanted {
  readonly what: string;
  readonly value: Value;
  readonly bound: "at least" | "at most";
  readonly times: number;
  readonly than: string;
  readonly other: Value;
  readonly unit: "/s" | " ms";
}

const perSecond =
  (name: string, count: number): Value =>
  ({ results }) =>
    results.get(name)?.get(count)?.perSecond;
const p50 =
  (name: string, count: number): Value =>
  ({ results }) =>
    results.get(name)?.get(count)?.p50;
const p99AtHalf =
  (name: string): Value =>
  ({ halves }) =>
    halves.get(name)?.p99;
const etcdsBest: Value = ({ results }) => best(results.get(names.etcd));

const all: readonly Wanted[] = [
  {
    what: "client over TCP, 1,024 in flight",
    value: perSecond(names.tcp, 1024),
    bound: "at least",
    times: 8,
    than: "etcd's best",
    other: etcdsBest,
    unit: "/s",
  },
  {
    what: "gRPC stream, 256 in flight",
    value: perSecond(names.stream, 256),
    bound: "at least",
    times: 0.5,
    than: "a bare echo",
    other: perSecond(names.bareStream, 256),
    unit: "/s",
  },
  {
    what: "gRPC stream, 256 in flight",
    value: perSecond(names.stream, 256),
    bound: "at least",
    times: 1,
    than: "etcd's best",
    other: etcdsBest,
    unit: "/s",
  },
  {
    what: "gRPC unary, 64 callers",
    value: perSecond(names.unary, 64),
    bound: "at least",
    times: 0.8,
    than: "a bare echo",
    other: perSecond(names.bareUnary, 64),
    unit: "/s",
  },
  {
    what: "client over TCP, 1 in flight, p50",
    value: p50(names.tcp, 1),
    bound: "at most",
    times: 0.8,
    than: "etcd's",
    other: p50(names.etcd, 1),
    unit: " ms",
  },
  {
    what: "client over TCP, p99 at half of its peak",
    value: p99AtHalf(names.tcp),
    bound: "at most",
    times: 1,
    than: "etcd's at half of its",
    other: p99AtHalf(names.etcd),
    unit: " ms",
  },
];

/** Those that can be told of what was measured. */
export function judge(runs: readonly Run[]): Target[] {
  return all.flatMap((wanted) => {
    const { what, bound, times, than, unit } = wanted;
    const middle = middleOf(runs, wanted);
    if (middle === undefined) return [];
    const { value, other, ratio } = middle;
    const words = (each: number) =>
      unit === "/s" ? `${Math.round(each).toLocaleString("en-US")}/s` : `${each.toFixed(2)} ms`;
    return [
      {
        what,
        wanted: `${bound} ${times} times ${than}`,
        measured: `${ratio.toFixed(2)} times (${words(value)} to ${words(other)})`,
        met: bound === "at least" ? ratio >= times : ratio <= times,
      },
    ];
  });
}

interface Ratio {
  readonly value: number;
  readonly other: number;
  readonly ratio: number;
}

/** That of the run whose ratio is the median. */
function middleOf(runs: readonly Run[], wanted: Wanted): Ratio | undefined {
  const ratios = runs.flatMap((run): Ratio[] => {
    const [value, other] = [wanted.value(run), wanted.other(run)];
    return value === undefined || other === undefined ? [] : [{ value, other, ratio: value / other }];
  });
  return ratios.toSorted((a, b) => a.ratio - b.ratio)[Math.floor(ratios.length / 2)];
}
