import { expect, test } from "@jest/globals";
import { describeKey, lowestRunKey, parseRunKey, runKey, RUNS_END, type RunId } from "./layout.js";

const first: RunId = { seq: 1, count: 1, ordered: false, epoch: 0n, view: 0n };

test("keys sort by seq, then epoch, view, ordered, count", () => {
  const sorted: RunId[] = [
    first,
    { ...first, count: 4096 },
    { ...first, ordered: true },
    { ...first, view: 255n },
    { ...first, view: 256n },
    { ...first, epoch: 1n },
    { ...first, seq: 2 },
    { ...first, seq: 256 },
    { ...first, seq: 2 ** 40 },
  ];
  const keys = sorted.map(runKey);
  expect([...keys].sort((a, b) => Buffer.compare(a, b))).toEqual(keys);
  expect(keys.map(parseRunKey)).toEqual(sorted);
  expect(Buffer.compare(lowestRunKey(1), runKey(first))).toBe(-1);
  expect(Buffer.compare(runKey({ ...first, seq: Number.MAX_SAFE_INTEGER }), RUNS_END)).toBe(-1);
});

test.each([
  ["too short", runKey(first).subarray(1)],
  ["another prefix", runKey(first).fill(0x73, 0, 1)],
  ["seq 0", runKey({ ...first, seq: 0 })],
  ["a seq above 2^53", runKey({ ...first, seq: 2 ** 60 })],
  ["no updates", runKey({ ...first, count: 0 })],
  ["too many updates", runKey({ ...first, count: 4097 })],
  ["a flag that is none", runKey(first).fill(2, 28, 29)],
])("no run: %s", (_, key) => {
  expect(parseRunKey(key)).toBeUndefined();
});

test("keys are described for people", () => {
  expect(describeKey(runKey({ ...first, ordered: true }))).toBe("run/ seq 1 epoch 0 view 0 ordered count 1");
  expect(describeKey(new Uint8Array([0x6d, 0]))).toBe("0x6d00");
});
