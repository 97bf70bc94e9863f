import { expect, test } from "@jest/globals";

import { compact, count, duration, grouped, rate } from "./quantities.js";

test.each([
  [0, "0"],
  [999, "999"],
  [1000, "1.0k"],
  [9949, "9.9k"],
  [9950, "10k"],
  [999_499, "999k"],
  [999_500, "1.0M"],
  [12_345_678, "12M"],
  [2_500_000_000, "2.5G"],
])("%d in short is %s", (value, text) => expect(compact(value)).toBe(text));

test.each([
  [0, "0.0"],
  [0.254, "0.25"],
  [0.996, "1.0"],
  [8.43, "8.4"],
  [9.96, "10"],
  [1234.5, "1,235"],
])("a rate of %d is %s", (value, text) => expect(rate(value)).toBe(text));

test.each([
  [0, "0.0 s"],
  [9949, "9.9 s"],
  [9950, "10 s"],
  [59_499, "59 s"],
  [59_500, "1 min 0 s"],
  [184_000, "3 min 4 s"],
  [3_599_499, "59 min 59 s"],
  [3_599_500, "1 h 0 min"],
  [7_500_000, "2 h 5 min"],
  [100 * 3_600_000, "4 days 4 h"],
])("%d ms are %s", (ms, text) => expect(duration(ms)).toBe(text));

test("numbers are grouped, and one is one", () => {
  expect([grouped(1_234_567), count(1, "run"), count(1200, "run"), count(2, "retry", "retries")]).toEqual([
    "1,234,567",
    "1 run",
    "1,200 runs",
    "2 retries",
  ]);
});
