import { expect, test } from "@jest/globals";
import { Timer } from "./timer.js";

test("expires when its duration has passed, and stays expired until it is started anew", () => {
  const timer = new Timer(10);
  expect([9, 10, 11].map((now) => timer.expired(now))).toEqual([false, true, true]);
  timer.restart(100);
  expect([109, 110].map((now) => timer.expired(now))).toEqual([false, true]);
});

test("takes another duration, and keeps it", () => {
  const timer = new Timer(10);
  timer.restart(0, 25);
  expect([24, 25].map((now) => timer.expired(now))).toEqual([false, true]);
  timer.restart(30);
  expect([54, 55].map((now) => timer.expired(now))).toEqual([false, true]);
});
