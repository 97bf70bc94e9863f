import { expect, test } from "@jest/globals";
import { Random } from "./random.js";

test("a seed gives the same numbers for ever", () => {
  const take = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 5 }, () => random.next());
  };
  expect(take(0)).toMatchInlineSnapshot(`
    [
      1144304738,
      1416247,
      958946056,
      627933444,
      2007157716,
    ]
  `);
  expect(take(1)).toMatchInlineSnapshot(`
    [
      2693262067,
      11749833,
      2265367787,
      4213581821,
      4159151403,
    ]
  `);
  expect(take(-1)).toMatchInlineSnapshot(`
    [
      3850105811,
      813802916,
      3073704848,
      4054706436,
      3630262831,
    ]
  `);
  expect(take(0xffffffff)).toEqual(take(-1));
});

test("between gives every number of the range, the ends included, about equally often", () => {
  const random = new Random(42);
  const seen = new Map<number, number>();
  for (let i = 0; i < 6_000; i++) {
    const n = random.between(-2, 3);
    seen.set(n, (seen.get(n) ?? 0) + 1);
  }
  expect([...seen.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3]);
  for (const count of seen.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  expect(random.between(7, 7)).toBe(7);
});
