import { expect, test } from "@jest/globals";
import type { Measurement } from "../src/cluster/measurement.js";
import { names } from "../src/cluster/subjects.js";
import { judge } from "../src/cluster/targets.js";

const measured = (perSecond: number, p50 = 1, p99 = 2): Measurement => ({
  perSecond,
  p50,
  p99,
  p999: 3,
  loadMicros: 1,
  serverMicros: 1,
  lag: 1,
});

const ours = [
  [
    names.tcp,
    new Map([
      [1, measured(1_000, 0.8)],
      [1024, measured(80_000)],
    ]),
  ],
  [names.stream, new Map([[256, measured(9_999)]])],
  [names.bareStream, new Map([[256, measured(20_000)]])],
  [names.unary, new Map([[64, measured(800)]])],
  [names.bareUnary, new Map([[64, measured(1_000)]])],
] as const;

const etcds = [
  names.etcd,
  new Map([
    [1, measured(1_000, 1)],
    [256, measured(10_000)],
    [1024, measured(9_000)],
  ]),
] as const;

const verdicts = (targets: ReturnType<typeof judge>) => targets.map(({ what, met }) => [what, met]);

test("with etcd all targets are judged, its best and not its last is what counts, and the bound itself will do", () => {
  const halves = new Map([
    [names.tcp, measured(40_000, 1, 5)],
    [names.etcd, measured(5_000, 1, 4)],
  ]);
  expect(verdicts(judge(new Map([...ours, etcds]), halves))).toEqual([
    ["client over TCP, 1,024 in flight", true],
    ["gRPC stream, 256 in flight", false],
    ["gRPC stream, 256 in flight", false],
    ["gRPC unary, 64 callers", true],
    ["client over TCP, 1 in flight, p50", true],
    ["client over TCP, p99 at half of its peak", false],
  ]);
});

test("what was not measured has no verdict", () => {
  expect(verdicts(judge(new Map(ours), new Map([[names.tcp, measured(40_000)]])))).toEqual([
    ["gRPC stream, 256 in flight", false],
    ["gRPC unary, 64 callers", true],
  ]);
  expect(judge(new Map(), new Map())).toEqual([]);
});
