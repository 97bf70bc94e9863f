import { expect, test } from "@jest/globals";

import { minimalSubset } from "./minimal-subset.js";
import { Random } from "./random.js";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

test.each([
  { count: 0, needed: [] },
  { count: 1, needed: [0] },
  { count: 50, needed: [] },
  { count: 50, needed: [17] },
  { count: 50, needed: [0, 49] },
  { count: 51, needed: [3, 24, 25, 26, 50] },
  { count: 7, needed: [0, 1, 2, 3, 4, 5, 6] },
])("finds the $needed.length of $count that are needed: $needed", async ({ count, needed }) => {
  const found = await minimalSubset(numbers(count), async (subset) =>
    needed.every((n) => subset.includes(n)),
  );
  expect(found).toEqual(needed);
});

test("nothing more can be left out when failing is not monotonous", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const all = numbers(random.between(1, 24));
    const pairs = Array.from({ length: 3 }, () => [random.next() % all.length, random.next() % all.length]);
    const spoiler = random.next() % 24;
    const fails = (subset: readonly number[]): boolean =>
      subset.length === all.length ||
      (!subset.includes(spoiler) && pairs.some((pair) => pair.every((n) => subset.includes(n))));
    const found = await minimalSubset(all, async (subset) => fails(subset));
    expect(fails(found)).toBe(true);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    for (const left of found) expect(found.length > 1 && fails(found.filter((n) => n !== left))).toBe(false);
  }
});

test("tries far fewer than all subsets", async () => {
  let tried = 0;
  await minimalSubset(numbers(64), async (subset) => {
    tried++;
    return [5, 40].every((n) => subset.includes(n));
  });
  expect(tried).toBeLessThan(100);
});
