import { expect, test } from "@jest/globals";
import { BackOff } from "./back-off.js";

test("pauses double up to the longest, and start again after a reset", () => {
  const backOff = new BackOff({ minMs: 50, maxMs: 1000 }, () => 0);
  expect(Array.from({ length: 7 }, () => backOff.next())).toEqual([50, 100, 200, 400, 800, 1000, 1000]);
  backOff.reset();
  expect(backOff.next()).toBe(50);
});

test("up to half of a pause is left out at random", () => {
  expect(new BackOff({ minMs: 50, maxMs: 1000 }, () => 0.5).next()).toBe(37.5);
  const pauses = Array.from({ length: 200 }, () => new BackOff({ minMs: 100, maxMs: 100 }).next());
  expect(Math.min(...pauses)).toBeGreaterThan(50);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(100);
  expect(new Set(pauses).size).toBeGreaterThan(1);
});
