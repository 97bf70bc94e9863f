import { expect, test } from "@jest/globals";
import { Lanes } from "./lanes.js";

const message = (bytes: number, value = 0): Uint8Array => new Uint8Array(bytes).fill(value);
const lanes = (maxBytes = 1000, maxMessages = 10): Lanes =>
  new Lanes({ control: { maxBytes, maxMessages }, bulk: { maxBytes, maxMessages } });
const valuesOf = (frame: Uint8Array[]): (number | undefined)[] => frame.map((bytes) => bytes[0]);

test("a frame is filled up to its target", () => {
  const queue = lanes();
  for (const value of [1, 2, 3]) queue.push("control", message(100, value));
  expect(valuesOf(queue.take(250))).toEqual([1, 2]);
  expect(valuesOf(queue.take(250))).toEqual([3]);
  expect(queue.take(250)).toEqual([]);
});

test("a message above the target gets a frame of its own", () => {
  const queue = lanes();
  queue.push("control", message(10, 1));
  queue.push("control", message(900, 2));
  queue.push("control", message(10, 3));
  expect(valuesOf(queue.take(250))).toEqual([1]);
  expect(valuesOf(queue.take(250))).toEqual([2]);
  expect(valuesOf(queue.take(250))).toEqual([3]);
});

test("bulk leaves only when control is empty", () => {
  const queue = lanes();
  queue.push("bulk", message(100, 9));
  for (const value of [1, 2, 3]) queue.push("control", message(100, value));
  expect(valuesOf(queue.take(200))).toEqual([1, 2]);
  expect(valuesOf(queue.take(200))).toEqual([3, 9]);
});

test("a lane refuses what exceeds its bytes or its count, and the other lane does not mind", () => {
  const bytes = lanes(250, 100);
  expect([1, 2, 3].map((value) => bytes.push("bulk", message(100, value)))).toEqual([true, true, false]);
  expect(bytes.push("control", message(100))).toBe(true);
  const count = lanes(1000, 2);
  expect([1, 2, 3].map((value) => count.push("control", message(1, value)))).toEqual([true, true, false]);
});

test("a message that alone exceeds the bytes of a lane passes when the lane is empty", () => {
  const queue = lanes(100);
  expect(queue.push("bulk", message(500))).toBe(true);
  expect(queue.push("bulk", message(1))).toBe(false);
});

test("room comes back as messages leave, over many rounds", () => {
  const queue = lanes(100_000, 5000);
  const sent: number[] = [];
  const received: number[] = [];
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 200; i++) {
      expect(queue.push("control", message(10, (round * 200 + i) % 251))).toBe(true);
      sent.push((round * 200 + i) % 251);
    }
    // Leaves a rest behind, so that the queue is hardly ever empty.
    const frame = queue.take(round % 10 === 9 ? 20_000 : 1500);
    received.push(...(valuesOf(frame) as number[]));
  }
  while (queue.length > 0) received.push(...(valuesOf(queue.take(5000)) as number[]));
  expect(received).toEqual(sent);
});

test("clearing empties both lanes and tells how many were dropped", () => {
  const queue = lanes();
  queue.push("control", message(1));
  queue.push("bulk", message(1));
  expect(queue.length).toBe(2);
  expect(queue.clear()).toBe(2);
  expect(queue.length).toBe(0);
  expect(queue.take(10)).toEqual([]);
});
