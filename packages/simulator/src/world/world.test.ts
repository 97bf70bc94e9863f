import { expect, test } from "@jest/globals";
import { World } from "./world.js";

test("time jumps from event to event, and ends where it was to end", async () => {
  const world = new World(1);
  const seen: number[] = [];
  world.after(30, () => seen.push(world.now));
  world.after(10, () => {
    seen.push(world.now);
    world.after(5, () => seen.push(world.now));
  });
  expect(await world.run(20)).toBe(false);
  expect([seen, world.now]).toEqual([[10, 15], 20]);
  await world.run(30);
  expect([seen, world.now]).toEqual([[10, 15, 30], 30]);
});

test("a condition ends it, as soon as it holds", async () => {
  const world = new World(1);
  let count = 0;
  for (let i = 1; i <= 10; i++) world.after(i, () => count++);
  expect(await world.run(100, () => count === 4)).toBe(true);
  expect([count, world.now]).toEqual([4, 4]);
});

test("whatever promises an event settles, their consequences come before the next event", async () => {
  const world = new World(1);
  const seen: string[] = [];
  world.after(1, () => {
    void (async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      seen.push("consequence");
    })();
  });
  world.after(1, () => seen.push("next event"));
  await world.run(10);
  expect(seen).toEqual(["consequence", "next event"]);
});

test("the first finding counts, and ends everything", async () => {
  const lines: string[] = [];
  const world = new World(1, (line) => lines.push(line));
  let later = false;
  world.after(5, () => {
    world.violate("one", "first", "cause");
    world.violate("two", "second");
  });
  world.after(6, () => (later = true));
  expect(await world.run(100)).toBe(false);
  expect(world.finding).toEqual({ checker: "one", finding: "first", cause: "cause" });
  expect([later, world.now]).toEqual([false, 5]);
  expect(lines).toEqual(["  0.000005  VIOLATION [one] first"]);
});
