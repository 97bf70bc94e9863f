import { expect, test } from "@jest/globals";
import { Line } from "./line.js";

test("gives what has not gone, in its order, over thousands of operations", () => {
  const line = new Line<{ readonly id: number; gone: boolean }>();
  let expected: { readonly id: number; gone: boolean }[] = [];
  let state = 1;
  const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  for (let id = 0; id < 40_000; id++) {
    // Long stretches in which it grows, in which it is emptied, and in which most go before it is their turn.
    const phase = Math.floor(id / 4_000) % 3;
    if (random(10) < (phase === 1 ? 2 : 8)) {
      const entry = { id, gone: false };
      line.push(entry);
      expected.push(entry);
    }
    const shifts = random(10) < (phase === 1 ? 8 : 1);
    expect(shifts ? line.shift() : undefined).toBe(shifts ? expected.shift() : undefined);
    const leaves = expected[random(Math.max(1, expected.length))];
    if (random(10) < (phase === 2 ? 9 : 1) && leaves !== undefined) {
      leaves.gone = true;
      expected = expected.filter((entry) => entry !== leaves);
      line.left();
    }
    expect(line.first()).toBe(expected[0]);
    const all = id % 1_000 === 0 ? [...line] : expected;
    expect(all.length === expected.length && all.every((entry, i) => entry === expected[i])).toBe(true);
  }
});

test("those that are gone are not held, also when nobody takes the first away", () => {
  const line = new Line<{ readonly gone: boolean }>();
  let looks = 0;
  line.push({ gone: false });
  for (let i = 0; i < 10_000; i++) {
    line.push({
      get gone() {
        looks++;
        return true;
      },
    });
    line.left();
  }
  looks = 0;
  expect([...line]).toHaveLength(1);
  expect(looks).toBeLessThan(2_048);
});
