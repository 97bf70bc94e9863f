import { expect, test } from "@jest/globals";
import { Session } from "./session.js";

test("timestamps are 1, 2, 3, as far as the window reaches above what is settled", () => {
  const session = new Session(5n, 3);
  expect([session.nextTimestamp(), session.nextTimestamp(), session.nextTimestamp()]).toEqual([1, 2, 3]);
  expect(session.hasRoom).toBe(false);
  session.settle(3);
  session.settle(2);
  expect([session.answeredUpTo, session.hasRoom]).toEqual([0, false]);
  session.settle(1);
  expect([session.answeredUpTo, session.hasRoom]).toEqual([3, true]);
  expect(session.nextTimestamp()).toBe(4);
});

test("in any order, answeredUpTo is the highest below which all are settled", () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (const window of [1, 2, 7, 64]) {
    const session = new Session(5n, window);
    const open: number[] = [];
    let last = 0;
    for (let step = 0; step < 5000; step++) {
      if (session.hasRoom && random(2) === 0) open.push((last = session.nextTimestamp()));
      else if (open.length > 0) session.settle(open.splice(random(open.length), 1)[0] as number);
      const expected = open.length === 0 ? last : Math.min(...open) - 1;
      if (session.answeredUpTo !== expected) throw new Error(`${session.answeredUpTo}, not ${expected}`);
      if (session.hasRoom !== last < expected + window) throw new Error(`hasRoom is ${session.hasRoom}`);
    }
    expect(last).toBeGreaterThan(1000);
  }
});
