import { expect, test } from "@jest/globals";

import { noEffort } from "./effort.js";
import { MemoryLog, Meter } from "./meter.js";

test("the pace is that of the last ten seconds", () => {
  const meter = new Meter();
  const effort = noEffort();
  const at = (second: number, steps: number): number => {
    Object.assign(effort, { steps: effort.steps + steps, busyMs: effort.busyMs + 2000 });
    return meter.pace(effort, second * 1000).steps;
  };
  expect(at(1, 100)).toBe(100);
  expect(at(2, 300)).toBe(200);
  for (let second = 3; second <= 12; second++) at(second, 1000);
  // The first two seconds count no more.
  const pace = meter.pace(effort, 12_000);
  expect(pace).toMatchObject({ steps: 1000, stepsPerJob: 500 });
  expect(at(22, 0)).toBeLessThan(1);
});

test("nothing yet is no pace", () => {
  expect(new Meter().pace(noEffort(), 0)).toEqual({ runs: 0, steps: 0, stepsPerJob: 0, virtualSeconds: 0 });
});

test("memory is that of start, middle and end, however long it takes", () => {
  for (const samples of [1, 2, 3, 255, 256, 257, 100_000]) {
    const log = new MemoryLog();
    for (let i = 0; i < samples; i++) log.sample(1000 + i);
    const { start, middle, end } = log.summary(5);
    expect({ start, end }).toEqual({ start: 1000, end: 5 });
    expect(Math.abs(middle - 1000 - samples / 2)).toBeLessThanOrEqual(Math.max(1, samples / 64));
  }
  expect(new MemoryLog().summary(7)).toEqual({ start: 7, middle: 7, end: 7 });
});
