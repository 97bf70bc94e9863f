// What the cluster must reach, as ratios within one run.
import type { Target } from "../report.js";
import { best, type Measurement, type Results } from "./measurement.js";
import { names } from "./subjects.js";

/** Those that can be told of what was measured. */
export function judge(results: Results, halves: ReadonlyMap<string, Measurement>): Target[] {
  const targets: Target[] = [];
  const at = (name: string, count: number) => results.get(name)?.get(count);
  const etcd = results.has(names.etcd) ? best(results.get(names.etcd)) : undefined;

  /** `least` times the other, or more. */
  const atLeast = (
    what: string,
    value: number | undefined,
    least: number,
    than: string,
    other: number | undefined,
  ) => {
    if (value === undefined || other === undefined) return;
    const ratio = value / other;
    targets.push({
      what,
      wanted: `at least ${least} times ${than}`,
      measured: `${ratio.toFixed(2)} times (${inWords(value)} to ${inWords(other)})`,
      met: ratio >= least,
    });
  };
  const atMost = (
    what: string,
    value: number | undefined,
    most: number,
    than: string,
    other: number | undefined,
  ) => {
    if (value === undefined || other === undefined) return;
    const ratio = value / other;
    targets.push({
      what,
      wanted: `at most ${most} times ${than}`,
      measured: `${ratio.toFixed(2)} times (${value.toFixed(2)} ms to ${other.toFixed(2)} ms)`,
      met: ratio <= most,
    });
  };

  const stream = at(names.stream, 256)?.perSecond;
  atLeast("client over TCP, 1,024 in flight", at(names.tcp, 1024)?.perSecond, 8, "etcd's best", etcd);
  const bareStream = at(names.bareStream, 256)?.perSecond;
  atLeast("gRPC stream, 256 in flight", stream, 0.5, "a bare echo", bareStream);
  atLeast("gRPC stream, 256 in flight", stream, 1, "etcd's best", etcd);
  const bareUnary = at(names.bareUnary, 64)?.perSecond;
  atLeast("gRPC unary, 64 callers", at(names.unary, 64)?.perSecond, 0.8, "a bare echo", bareUnary);
  atMost("client over TCP, 1 in flight, p50", at(names.tcp, 1)?.p50, 0.8, "etcd's", at(names.etcd, 1)?.p50);
  const half = (name: string) => halves.get(name)?.p99;
  atMost(
    "client over TCP, p99 at half of its peak",
    half(names.tcp),
    1,
    "etcd's at half of its",
    half(names.etcd),
  );
  return targets;
}

function inWords(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString("en-US")}/s`;
}
