import { expect, test } from "@jest/globals";
import { ReadQueue } from "./read-queue.js";

test("an answer holds for all lower numbers, once its seq is applied", () => {
  const reads = new ReadQueue();
  reads.answer(3, 10);
  expect(reads.take(9)).toBeUndefined();
  expect(reads.take(10)).toBe(3);
  expect(reads.take(11)).toBeUndefined();
  // Too late.
  reads.answer(2, 5);
  expect(reads.take(20)).toBeUndefined();
});

test("each waits for its own seq, so that those asked for later do not hold up earlier ones", () => {
  const reads = new ReadQueue();
  reads.answer(1, 10);
  reads.answer(2, 20);
  reads.answer(3, 20);
  expect(reads.take(15)).toBe(1);
  expect(reads.take(20)).toBe(3);
});

test("what another leader answers later with less sets free what waits for more", () => {
  const reads = new ReadQueue();
  reads.answer(1, 10);
  reads.answer(2, 50);
  reads.answer(3, 30);
  expect(reads.take(10)).toBe(1);
  expect(reads.take(30)).toBe(3);
});

test("answers that overtake each other", () => {
  const reads = new ReadQueue();
  reads.answer(3, 30);
  reads.answer(2, 20);
  reads.answer(1, 40);
  expect(reads.take(20)).toBe(2);
  expect(reads.take(40)).toBe(3);
  expect(reads.served).toBe(3);
});
