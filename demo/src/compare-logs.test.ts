import { expect, test } from "@jest/globals";

import type { Acknowledged } from "./client.js";
import { checkAcknowledged, compareLogs } from "./compare-logs.js";
import type { LogEntry } from "./log-entry.js";

function entry(seq: number, text: string, changes: Partial<LogEntry> = {}): LogEntry {
  return {
    seq,
    clientId: 7n,
    timestamp: BigInt(seq),
    enteredAt: 0,
    update: Buffer.from(text),
    duplicate: false,
    ...changes,
  };
}

function acknowledged(seq: number, text: string): Acknowledged {
  const { clientId, timestamp, update } = entry(seq, text);
  return { clientId, timestamp, update, seq, nodeId: 0, failed: [], sentAt: 0, acknowledgedAt: 1 };
}

const entries = [entry(2, "a"), entry(3, "b"), entry(5, "c")];
const updates = [acknowledged(2, "a"), acknowledged(3, "b"), acknowledged(5, "c")];
const log = (nodeId: number, changed: readonly LogEntry[] = entries) => ({ nodeId, entries: changed });

test("equal logs do not differ", () => {
  expect(compareLogs([log(0), log(1), log(2)])).toEqual([]);
  expect(compareLogs([log(0, []), log(1, [])])).toEqual([]);
  expect(checkAcknowledged(log(0), updates)).toEqual([]);
});

test.each([
  ["another update", [entry(2, "a"), entry(3, "x"), entry(5, "c")], 1, 'seq 3 "x" of client 7'],
  ["another seq", [entry(2, "a"), entry(4, "b"), entry(5, "c")], 1, 'seq 4 "b" of client 7'],
  [
    "another client",
    [entry(2, "a"), entry(3, "b", { clientId: 8n }), entry(5, "c")],
    1,
    'seq 3 "b" of client 8',
  ],
  ["another timestamp", [entry(2, "a", { timestamp: 9n })], 0, 'seq 2 "a" of client 7'],
  ["another way in", [entry(2, "a", { enteredAt: 2 })], 0, 'seq 2 "a" of client 7'],
  [
    "not executed",
    [entry(2, "a"), entry(3, "b", { duplicate: true })],
    1,
    'seq 3 "b" (ordered again) of client 7',
  ],
  ["the end missing", [entry(2, "a"), entry(3, "b")], 2, "no more"],
])("a log that differs is told from the first difference on: %s", (_what, changed, equal, shown) => {
  const [difference, ...more] = compareLogs([log(0), log(1), log(2, changed)]);
  expect(more).toEqual([]);
  expect(difference).toContain(`nodes 1 and 2 differ after ${equal} equal entries: node 1 has seq `);
  expect(difference).toContain(`, node 2 has ${shown}`);
});

test("a log that goes on where another ends differs", () => {
  expect(compareLogs([log(0), log(1, [...entries, entry(6, "d")])])).toEqual([
    'nodes 0 and 1 differ after 3 equal entries: node 0 has no more, node 1 has seq 6 "d" of client 7',
  ]);
});

test.each([
  [
    "a lost update",
    [entry(2, "a"), entry(5, "c")],
    'lacks acknowledged updates: "b" (acknowledged as seq 3)',
  ],
  [
    "an update executed twice",
    [...entries, entry(6, "b", { timestamp: 3n })],
    'has executed updates more than once: "b" (acknowledged as seq 3): seqs 3,6',
  ],
  [
    "an update elsewhere",
    [entry(2, "a"), entry(4, "b", { timestamp: 3n }), entry(5, "c")],
    'has something else than was acknowledged: "b" (acknowledged as seq 3): seq 4',
  ],
  [
    "other bytes",
    [entry(2, "a"), entry(3, "B"), entry(5, "c")],
    'has something else than was acknowledged: "b" (acknowledged as seq 3): "B"',
  ],
  [
    "an update out of nowhere",
    [...entries, entry(6, "?")],
    'has updates that nobody sent: seq 6 "?" of client 7',
  ],
])("what a log owes to the clients: %s", (_what, changed, problem) => {
  expect(checkAcknowledged(log(1, changed), updates)).toEqual([`node 1 ${problem}`]);
});

test("what was ordered again by a retry, and not executed, is no fault", () => {
  const again = entry(6, "b", { timestamp: 3n, duplicate: true });
  expect(checkAcknowledged(log(0, [...entries, again]), updates)).toEqual([]);
});

test("of many faults a few are named and the rest counted", () => {
  const many = Array.from({ length: 10 }, (_, index) => acknowledged(index + 10, "x"));
  const [problem] = checkAcknowledged(log(0, []), many);
  expect(problem).toMatch(
    /^node 0 lacks acknowledged updates: ("x" \(acknowledged as seq 1\d\); ){3}and 7 more$/,
  );
});
