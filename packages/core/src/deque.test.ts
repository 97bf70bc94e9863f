import { expect, test } from "@jest/globals";
import { Deque } from "./deque.js";
import { Random } from "./random.js";

test("behaves as an array does, over thousands of operations", () => {
  const random = new Random(1);
  const deque = new Deque<number>();
  const array: number[] = [];
  let grown = 0;
  for (let i = 0; i < 50_000; i++) {
    // Long stretches of growing and of shrinking, so that the freed front is given up many times.
    const growing = Math.floor(i / 5_000) % 2 === 0;
    if (random.between(0, 9) < (growing ? 7 : 3)) {
      deque.push(i);
      array.push(i);
    } else {
      if (deque.shift() !== array.shift()) throw new Error(`differs after ${i} operations`);
    }
    grown = Math.max(grown, deque.length);
    const at = random.between(0, array.length + 1);
    if (deque.length !== array.length || deque.at(at) !== array[at])
      throw new Error(`differs after ${i} operations`);
  }
  expect([...deque]).toEqual(array);
  expect(grown).toBeGreaterThan(1_500);
});

test("an empty one gives nothing", () => {
  const deque = new Deque<string>();
  expect(deque.shift()).toBeUndefined();
  expect(deque.at(0)).toBeUndefined();
  deque.push("a");
  deque.push("b");
  deque.shift();
  deque.clear();
  expect(deque.length).toBe(0);
  expect([...deque]).toEqual([]);
  deque.push("c");
  expect(deque.at(0)).toBe("c");
});
