import { expect, test } from "@jest/globals";
import { SeqSet } from "./seq-set.js";

test("it has what was added, and nothing else, on both sides of every page's edge", () => {
  const set = new SeqSet();
  const added = [1, 7, 8, 65_535, 65_536, 131_071, 131_072, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  for (const seq of added) set.add(seq);
  for (const seq of added) {
    for (const near of [seq - 1, seq, seq + 1]) expect(set.has(near)).toBe(added.includes(near));
  }
});

test("there may be more of them than a Set can hold", () => {
  const set = new SeqSet();
  for (let seq = 1; seq <= 2 ** 24 + 10; seq++) set.add(seq);
  expect(set.has(2 ** 24 + 10)).toBe(true);
  expect(set.has(2 ** 24 + 11)).toBe(false);
});
