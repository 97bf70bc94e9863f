import { expect, test } from "@jest/globals";
import { Random } from "../random.js";
import { EventQueue } from "./event-queue.js";

/** Takes everything out, and says what ran, in order. */
function drain(queue: EventQueue, ran: string[]): string[] {
  for (let event = queue.pop(); event !== undefined; event = queue.pop()) event.run();
  return ran;
}

test("what is due first comes first", () => {
  const queue = new EventQueue();
  const ran: string[] = [];
  for (const time of [30, 10, 20, 0, 40]) queue.push(time, () => ran.push(String(time)));
  expect(drain(queue, ran)).toEqual(["0", "10", "20", "30", "40"]);
});

test("of what is due at the same time, what was scheduled first comes first", () => {
  const queue = new EventQueue();
  const ran: string[] = [];
  for (const name of ["a", "b", "c", "d", "e", "f", "g"]) queue.push(5, () => ran.push(name));
  queue.push(4, () => ran.push("before"));
  expect(drain(queue, ran).join("")).toBe("beforeabcdefg");
});

test("the time of the next event is known, and Infinity when there is none", () => {
  const queue = new EventQueue();
  expect([queue.nextTime, queue.pop()]).toEqual([Infinity, undefined]);
  queue.push(7, () => undefined);
  queue.push(3, () => undefined);
  expect(queue.nextTime).toBe(3);
  expect(queue.pop()?.time).toBe(3);
  expect(queue.nextTime).toBe(7);
  expect(queue.pop()?.time).toBe(7);
  expect([queue.nextTime, queue.pop()]).toEqual([Infinity, undefined]);
});

test("whatever is pushed and popped, the order is that of a sorted list", () => {
  const random = new Random(1);
  for (let round = 0; round < 50; round++) {
    const queue = new EventQueue();
    const twin: { time: number; order: number }[] = [];
    const popped: number[] = [];
    const expected: number[] = [];
    let order = 0;
    const pop = () => {
      twin.sort((a, b) => a.time - b.time || a.order - b.order);
      const first = twin.shift();
      if (first !== undefined) expected.push(first.order);
      queue.pop()?.run();
    };
    for (let i = 0; i < 200; i++) {
      if (random.chance(350)) {
        pop();
        continue;
      }
      // Few different times: many ties.
      const event = { time: random.between(0, 20), order: order++ };
      twin.push(event);
      queue.push(event.time, () => popped.push(event.order));
    }
    while (twin.length > 0) pop();
    expect(popped).toEqual(expected);
    expect(queue.pop()).toBeUndefined();
  }
});
