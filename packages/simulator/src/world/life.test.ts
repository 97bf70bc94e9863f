import { expect, test } from "@jest/globals";
import { Life } from "./life.js";
import { World } from "./world.js";

function setUp() {
  const world = new World(1);
  let fuses = 0;
  const life: Life = new Life(world, () => {
    fuses++;
    life.end();
  });
  const got: string[] = [];
  const input = (name: string) => life.input(() => got.push(`${name} at ${world.now}`));
  const inputAt = (time: number, name: string) => world.after(time, () => input(name));
  return { world, life, got, input, inputAt, fuses: () => fuses };
}

test("what reaches a process happens at once", () => {
  const { input, got } = setUp();
  input("a");
  expect(got).toEqual(["a at 0"]);
});

test("during a pause everything waits, and then comes in its order", async () => {
  const { world, life, got, inputAt } = setUp();
  life.pause(100);
  for (const [time, name] of [
    [10, "a"],
    [20, "b"],
    [20, "c"],
    [99, "d"],
    [101, "e"],
  ] as const) {
    inputAt(time, name);
  }
  await world.run(50);
  expect(got).toEqual([]);
  await world.run(1000);
  expect(got).toEqual(["a at 100", "b at 100", "c at 100", "d at 100", "e at 101"]);
});

test("of two pauses the one that ends later counts", async () => {
  for (const pauses of [
    [100, 300],
    [300, 100],
  ] as const) {
    // What comes before the second pause begins, and what comes after that.
    for (const time of [10, 60]) {
      const { world, life, got, inputAt } = setUp();
      life.pause(pauses[0]);
      inputAt(time, "a");
      world.after(50, () => life.pause(pauses[1]));
      await world.run(1000);
      expect(got).toEqual(["a at 300"]);
    }
  }
});

test("a pause within a pause keeps the order too, and so does what comes as it ends", async () => {
  const { world, life, got, inputAt } = setUp();
  inputAt(300, "d");
  life.pause(100);
  inputAt(10, "a");
  world.after(20, () => life.pause(300));
  inputAt(30, "b");
  inputAt(299, "c");
  inputAt(301, "e");
  await world.run(1000);
  expect(got).toEqual(["a at 300", "b at 300", "c at 300", "d at 300", "e at 301"]);
});

test("the dead get nothing, not even what waited for them", async () => {
  const { world, life, got, input, inputAt } = setUp();
  life.pause(100);
  inputAt(10, "a");
  world.after(50, () => life.end());
  inputAt(200, "b");
  await world.run(1000);
  input("c");
  expect(got).toEqual([]);
  expect(life.alive).toBe(false);
});

test("the living act, the dead do not", () => {
  const { life, fuses } = setUp();
  expect([life.acts(), life.acts(), life.alive]).toEqual([true, true, true]);
  life.end();
  expect([life.acts(), life.alive]).toEqual([false, false]);
  expect(fuses()).toBe(0);
});

test("a fuse kills in the midst of work: the last of its effects does not happen any more", () => {
  const { life, fuses } = setUp();
  life.fuse = 3;
  expect([life.acts(), life.acts()]).toEqual([true, true]);
  expect([life.alive, fuses()]).toEqual([true, 0]);
  expect(life.acts()).toBe(false);
  expect([life.alive, fuses()]).toEqual([false, 1]);
  expect([life.acts(), fuses()]).toEqual([false, 1]);
});
