import { create } from "@bufbuild/protobuf";
import { MessageSchema, PersistentStateSchema, SnapshotSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { Compaction } from "./compaction.js";

const snapshot = (seq: number) => create(SnapshotSchema, { seq: BigInt(seq) });
const state = (aru: number) => create(PersistentStateSchema, { localAru: BigInt(aru) });

function setUp() {
  const found: string[] = [];
  const checker = new Compaction((finding) => found.push(finding));
  const durable = (aru: number, install?: number) =>
    checker.durable(0, {
      number: 1,
      state: state(aru),
      runs: [],
      messages: [],
      ...(install !== undefined && { install: snapshot(install) }),
    });
  return { found, checker, durable };
}

test("snapshots of what is ordered, logs dropped below them, installs and restarts are fine, and counted", () => {
  const { found, checker, durable } = setUp();
  durable(5);
  checker.snapshotHeld(0, snapshot(4));
  checker.compacted(0, 3);
  checker.compacted(0, 5);
  durable(20, 20);
  checker.started(0, { storeId: 1n, runs: [], state: state(20), snapshots: [snapshot(20)], firstSeq: 21 });
  expect(found).toEqual([]);
  expect([checker.taken, checker.installed, checker.compactions]).toEqual([1, 1, 2]);
});

test("a snapshot ahead of what is durably ordered, or behind another, is found", () => {
  const { found, checker, durable } = setUp();
  durable(5);
  checker.snapshotHeld(0, snapshot(6));
  checker.snapshotHeld(0, snapshot(5));
  durable(8, 9);
  durable(9, 3);
  expect(found).toEqual([
    "node 0 holds a snapshot at seq 6, its durable ARU is 5",
    "node 0 holds a snapshot at seq 5, after one at 6",
    "node 0 installs a snapshot at seq 9, its ARU is 8",
    "node 0 installs a snapshot at seq 3, it holds one at 9",
  ]);
});

test("a log dropped above the snapshot is found, and so is one that comes back", () => {
  const { found, checker, durable } = setUp();
  durable(9);
  checker.snapshotHeld(0, snapshot(5));
  checker.compacted(0, 7);
  checker.compacted(0, 6);
  expect(found).toEqual([
    "node 0 has dropped its log below seq 7, its latest snapshot is at seq 5",
    "the log of node 0 begins at seq 6, after it began at 7",
  ]);
});

test("a node that starts with other things than it had is found, unless its disk was exchanged", () => {
  const { found, checker, durable } = setUp();
  durable(9);
  checker.snapshotHeld(0, snapshot(5));
  checker.started(0, { storeId: 1n, runs: [], state: state(9) });
  expect(found).toEqual(["node 0 starts with covered 0, it was 5"]);
  checker.exchanged(0, { storeId: 1n, runs: [], state: state(2) });
  checker.started(0, { storeId: 1n, runs: [], state: state(2) });
  expect(found).toHaveLength(1);
});

test("the log is to begin behind the snapshot, less its tail and what peers have asked for in this life", () => {
  const { checker, durable } = setUp();
  durable(50);
  checker.snapshotHeld(0, snapshot(40));
  expect([checker.dueFirstSeq(0, 0), checker.dueFirstSeq(0, 10)]).toEqual([41, 31]);
  const asks = (from: bigint, seq: bigint, what: "catchUpRequest" | "snapshotRequest") =>
    checker.delivered(0, create(MessageSchema, { from, type: { case: what, value: { seq } } }));
  asks(1n, 35n, "catchUpRequest");
  asks(2n, 20n, "snapshotRequest");
  expect(checker.dueFirstSeq(0, 0)).toBe(21);
  asks(2n, 0n, "snapshotRequest");
  expect(checker.dueFirstSeq(0, 0)).toBe(35);
  checker.started(0, { storeId: 1n, runs: [], state: state(50), snapshots: [snapshot(40)] });
  expect(checker.dueFirstSeq(0, 0)).toBe(41);
});
