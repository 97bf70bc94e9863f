import { expect, test } from "@jest/globals";
import { Calls } from "../clients/calls.js";
import type { Call } from "../clients/call.js";
import { Acknowledged } from "./acknowledged.js";
import { OneOrder } from "./one-order.js";

function setUp() {
  const found: string[] = [];
  const report = (finding: string) => found.push(finding);
  const order = new OneOrder(report);
  const acknowledged = new Acknowledged(order, report);
  const calls = new Calls();
  const [a, b, c] = [0, 1, 2].map((client) =>
    calls.add({ client, update: Uint8Array.of(client), start: 0 }),
  ) as [Call, Call, Call];
  /** A node applies a call. */
  const applies = (
    nodeId: number,
    seq: number,
    call: Call,
    result: readonly number[] = [call.id],
    digest?: string | number,
  ) => order.applied({ nodeId, seq, call, result: Uint8Array.from(result), digest });
  return { found, order, acknowledged, applies, a, b, c };
}

test("equal orders, answers and states give nothing to report, gaps or none", () => {
  const { found, order, acknowledged, applies, a, b, c } = setUp();
  for (const nodeId of [0, 1]) {
    applies(nodeId, 2, a, [1], "one");
    applies(nodeId, 3, b, [2, 2], "two");
    applies(nodeId, 7, c, [], undefined);
  }
  b.result = Uint8Array.of(2, 2);
  acknowledged.answered(b, 1, 3);
  expect(found).toEqual([]);
  expect([a, b, c].map(({ id }) => order.seqOf(id))).toEqual([2, 3, 7]);
  expect([...order.executed()]).toEqual([
    { seq: 2, callId: a.id },
    { seq: 3, callId: b.id },
    { seq: 7, callId: c.id },
  ]);
  expect(order.progressOf(0)).toEqual(order.progressOf(1));
  expect(order.progressOf(0).seq).toBe(7);
  expect(order.progressOf(9)).toMatchObject({ seq: 0, chain: 0 });
});

test("a restarted node begins anew", () => {
  const { found, order, applies, a, b } = setUp();
  applies(0, 1, a);
  applies(0, 2, b);
  order.started(0);
  expect(order.progressOf(0).seq).toBe(0);
  applies(0, 1, a);
  applies(0, 2, b);
  expect(found).toEqual([]);
});

test("backwards, or one seq twice", () => {
  for (const seq of [1, 2]) {
    const { found, applies, a, b } = setUp();
    applies(0, 2, a);
    applies(0, seq, b);
    expect(found).toEqual([`node 0 applies seq ${seq} after 2`]);
  }
});

test("different calls at one seq", () => {
  const { found, applies, a, b } = setUp();
  applies(0, 1, a);
  applies(1, 1, b);
  expect(found).toEqual(["node 1 applies call 1 at seq 1, node 0 applied call 0 there"]);
});

test("one call executed at two seqs", () => {
  const { found, applies, a } = setUp();
  applies(0, 1, a);
  applies(0, 2, a);
  expect(found).toEqual(["node 0 executes call 0 at seq 2, where 1 had it executed"]);
});

test("an update left out", () => {
  const { found, applies, a, b, c } = setUp();
  applies(0, 1, a);
  applies(0, 2, b);
  applies(0, 3, c);
  applies(1, 1, a);
  applies(1, 3, c);
  expect(found).toEqual(["nodes 1 and 0 applied other updates before seq 3"]);
});

test("different answers, also of different length", () => {
  for (const [other, shown] of [
    [[1, 3], "0x0103"],
    [[1], "0x01"],
    [[1, 2, 0], "0x010200"],
  ] as const) {
    const { found, applies, a } = setUp();
    applies(0, 1, a, [1, 2]);
    applies(1, 1, a, other);
    expect(found).toEqual([
      `the state machine answers call 0 at seq 1 with ${shown} on node 1, with 0x0102 on node 0`,
    ]);
  }
});

test("long answers are shown in part", () => {
  const { found, applies, a } = setUp();
  applies(
    0,
    1,
    a,
    Array.from({ length: 17 }, () => 1),
  );
  applies(
    1,
    1,
    a,
    Array.from({ length: 16 }, () => 1),
  );
  expect(found[0]).toContain(`0x${"01".repeat(16)} on node 1, with 0x${"01".repeat(16)}... on node 0`);
});

test("states that are no number on both nodes are equal", () => {
  const { found, applies, a } = setUp();
  applies(0, 1, a, [], NaN);
  applies(1, 1, a, [], NaN);
  expect(found).toEqual([]);
});

test("different states after the same updates", () => {
  for (const [one, other] of [
    ["x", "y"],
    [1, 2],
    [1, "1"],
    [1, undefined],
  ] as const) {
    const { found, applies, a } = setUp();
    applies(0, 4, a, [], one);
    applies(1, 4, a, [], other);
    expect(found).toEqual(["after seq 4 the state of node 1 differs from that of node 0"]);
  }
});

test("an acknowledgement of what nobody has executed, or of another seq", () => {
  const { found, acknowledged, applies, a, b } = setUp();
  applies(0, 1, a, [9]);
  a.result = Uint8Array.of(9);
  acknowledged.answered(a, 0, 1);
  expect(found).toEqual([]);
  acknowledged.answered(b, 0, 2);
  acknowledged.answered(a, 1, 2);
  expect(found).toEqual([
    "node 0 acknowledges call 1 at seq 2; nobody has executed it",
    "node 1 acknowledges call 0 at seq 2; it was executed at 1",
  ]);
});

test("an acknowledgement with another answer than the state machine gave", () => {
  const { found, acknowledged, applies, a } = setUp();
  applies(0, 1, a, [9]);
  a.result = Uint8Array.of(8);
  acknowledged.answered(a, 0, 1);
  expect(found).toEqual(["node 0 answers call 0 at seq 1 otherwise than the state machine did there"]);
});

test("a node that is restored goes on as if it had applied everything itself", () => {
  const { found, order, applies, a, b, c } = setUp();
  applies(0, 2, a, [1], "one");
  applies(0, 3, b, [2], "two");
  order.restored(1, 5, "two");
  expect(order.progressOf(1)).toMatchObject({ seq: 3, chain: order.progressOf(0).chain });
  applies(0, 7, c, [3], "three");
  applies(1, 7, c, [3], "three");
  order.restored(2, 1, "nothing yet");
  expect(found).toEqual([]);
  order.restored(2, 2, "two");
  expect(found[0]).toMatch(/^node 2 is restored to another state at seq 2 than node 0 had there/);
  applies(1, 7, c);
  order.restored(1, 6, "two");
  expect(found.slice(1)).toEqual([
    "node 1 applies seq 7 after 7",
    "node 1 goes back to a snapshot at seq 6 after 7",
  ]);
});
