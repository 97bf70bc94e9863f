import { expect, test } from "@jest/globals";
import { Random } from "../random.js";
import { withGlobalsOf, type NodeGlobals } from "./node-globals.js";

const node = (now: number, seed = 1): NodeGlobals => ({ now: () => now, random: new Random(seed) });

test("inside, time is the node's", () => {
  const seen = withGlobalsOf(node(1_234_567), () => ({
    now: Date.now(),
    date: new Date().getTime(),
    text: new Date().toISOString(),
  }));
  expect(seen).toEqual({ now: 1_234_567, date: 1_234_567, text: "1970-01-01T00:20:34.567Z" });
});

test("inside, performance.now runs at the pace of the node's time", () => {
  let now = 5000;
  const running: NodeGlobals = { now: () => now, random: new Random(1) };
  const [before, after] = withGlobalsOf(running, () => {
    const first = performance.now();
    now += 250;
    return [first, performance.now()];
  });
  expect(after - before).toBe(250);
});

test("inside, randomness is the node's: from 0 to below 1, and the same from the same seed", () => {
  const draw = (seed: number) =>
    withGlobalsOf(node(0, seed), () => Array.from({ length: 1000 }, () => Math.random()));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(1).every((number) => number >= 0 && number < 1)).toBe(true);
  const mean = draw(1).reduce((sum, number) => sum + number, 0) / 1000;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
});

test("inside, a date of one's own choice is that date, and a Date", () => {
  withGlobalsOf(node(1_000_000), () => {
    expect(new Date(5).getTime()).toBe(5);
    expect(new Date("2026-01-01T00:00:00Z").getTime()).toBe(1_767_225_600_000);
    expect(new Date(2026, 0, 2, 3, 4, 5).getMinutes()).toBe(4);
    expect(Date.UTC(2026, 0)).toBe(1_767_225_600_000);
    expect(Date.parse("2026-01-01T00:00:00Z")).toBe(1_767_225_600_000);
    expect(new Date() instanceof Date).toBe(true);
    expect(new Date(5) instanceof Date).toBe(true);
  });
});

test("inside, a date made outside is a Date, and Date without new is text", () => {
  const made = new Date(5);
  withGlobalsOf(node(0), () => {
    expect(made instanceof Date).toBe(true);
    expect(structuredClone(made).getTime()).toBe(5);
    expect(Date()).toBe(new Date(0).toString());
    class Own extends Date {}
    expect(new Own().getTime()).toBe(0);
    expect(new Own() instanceof Own).toBe(true);
  });
});

test("a date made inside is a Date outside", () => {
  const made = withGlobalsOf(node(1000), () => new Date());
  expect(made instanceof Date).toBe(true);
  expect(new Date(made).getTime()).toBe(1000);
  expect(JSON.stringify(made)).toBe('"1970-01-01T00:00:01.000Z"');
});

test("afterwards all is as it was, also after a throw", () => {
  const before = [Date, Math.random, Date.now];
  const real = Date.now();
  expect(withGlobalsOf(node(7), () => Date.now())).toBe(7);
  expect([Date, Math.random, Date.now]).toEqual(before);
  const failing = () =>
    withGlobalsOf(node(7), () => {
      throw new Error("no");
    });
  expect(failing).toThrow("no");
  expect(Date).toBe(before[0]);
  expect(Math.random).toBe(before[1]);
  expect(Date.now).toBe(before[2]);
  expect(Date.now()).toBeGreaterThanOrEqual(real);
  const clock = performance.now();
  expect(clock).not.toBe(7);
  expect(performance.now()).toBeGreaterThanOrEqual(clock);
});

test("each node has its own", () => {
  const [a, b] = [node(1, 1), node(2, 2)];
  const read = () => [Date.now(), Math.random()] as const;
  const seen = [a, b, a, b].map((one) => withGlobalsOf(one, read));
  expect(seen.map(([now]) => now)).toEqual([1, 2, 1, 2]);
  expect(new Set(seen.map(([, random]) => random)).size).toBe(4);
});
