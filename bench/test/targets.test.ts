import { expect, test } from "@jest/globals";
import type { Measurement } from "../src/cluster/measurement.js";
import { mediansOf, type Run } from "../src/cluster/run.js";
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
  expect(verdicts(judge([{ results: new Map([...ours, etcds]), halves }]))).toEqual([
    ["client over TCP, 1,024 in flight", true],
    ["gRPC stream, 256 in flight", false],
    ["gRPC stream, 256 in flight", false],
    ["gRPC unary, 64 callers", true],
    ["client over TCP, 1 in flight, p50", true],
    ["client over TCP, p99 at half of its peak", false],
  ]);
});

test("what was not measured has no verdict", () => {
  expect(
    verdicts(judge([{ results: new Map(ours), halves: new Map([[names.tcp, measured(40_000)]]) }])),
  ).toEqual([
    ["gRPC stream, 256 in flight", false],
    ["gRPC unary, 64 callers", true],
  ]);
  expect(judge([{ results: new Map(), halves: new Map() }])).toEqual([]);
  expect(judge([])).toEqual([]);
});

test("a ratio is one of what was measured in the same run; tables have the medians", () => {
  const run = (own: number, bare: number): Run => ({
    results: new Map([
      [names.unary, new Map([[64, measured(own)]])],
      [names.bareUnary, new Map([[64, measured(bare)]])],
    ]),
    halves: new Map([[names.tcp, measured(own)]]),
  });
  // The machine was three times as fast in the third run, and the medians of both sides are of different runs.
  const runs = [run(900, 1_000), run(600, 1_000), run(2_100, 3_000)];
  expect(judge(runs)).toMatchObject([{ measured: "0.70 times (2,100/s to 3,000/s)", met: false }]);
  const { results, halves } = mediansOf(runs);
  expect(results.get(names.unary)?.get(64)?.perSecond).toBe(900);
  expect(results.get(names.bareUnary)?.get(64)?.perSecond).toBe(1_000);
  expect(halves.get(names.tcp)?.perSecond).toBe(900);
});
