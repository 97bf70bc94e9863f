import { describe, expect, test } from "@jest/globals";
import { Network } from "../world/network.js";
import { World } from "../world/world.js";
import { calmNetwork } from "../conditions.js";
import type { PartitionShape } from "./fault.js";
import { partition } from "./partitions.js";

interface Site {
  readonly nodes?: number;
  readonly target?: number;
  readonly leader?: number | undefined;
  readonly draw?: number;
}

/** The links that a shape leaves: for each node, whom it hears. */
function heardIn(
  shape: PartitionShape,
  { nodes = 5, target = 1, leader = 3, draw = 1 }: Site = {},
): number[][] {
  const network = new Network(new World(1), calmNetwork, false, () => undefined);
  const owner = {};
  const ids = Array.from({ length: nodes }, (_, id) => id);
  const heard = () => ids.map((to) => ids.filter((from) => from !== to && !network.isCut(from, to)));
  partition(owner, shape, { network, nodes, target, leader, draw });
  const result = heard();
  network.heal(owner);
  // Everything was cut in the owner's name.
  expect(heard()).toEqual(ids.map((id) => ids.filter((other) => other !== id)));
  return result;
}

const draws = Array.from({ length: 100 }, (_, i) => i);

test("isolated: the target hears nobody and is heard by nobody", () => {
  expect(heardIn("isolated")).toEqual([[2, 3, 4], [], [0, 3, 4], [0, 2, 4], [0, 2, 3]]);
});

test("mute: the target is not heard, and hears", () => {
  expect(heardIn("mute")).toEqual([
    [2, 3, 4],
    [0, 2, 3, 4],
    [0, 3, 4],
    [0, 2, 4],
    [0, 2, 3],
  ]);
});

test("deaf: the target does not hear, and is heard", () => {
  expect(heardIn("deaf")).toEqual([[1, 2, 3, 4], [], [0, 1, 3, 4], [0, 1, 2, 4], [0, 1, 2, 3]]);
});

test("scattered: nobody hears anybody", () => {
  expect(heardIn("scattered")).toEqual([[], [], [], [], []]);
});

test("star: everybody hears the target, and it everybody", () => {
  expect(heardIn("star")).toEqual([[1], [0, 2, 3, 4], [1], [1], [1]]);
});

test("star without leader: likewise, but for the leader, who is cut off", () => {
  expect(heardIn("star-without-leader")).toEqual([[1], [0, 2, 4], [1], [], [1]]);
});

test("one-way link: one link to or from the target", () => {
  const cut = new Set<string>();
  for (const draw of draws) {
    const lost = heardIn("one-way-link", { draw }).flatMap((heard, to) =>
      [0, 1, 2, 3, 4].filter((from) => from !== to && !heard.includes(from)).map((from) => `${from}-${to}`),
    );
    expect(lost).toHaveLength(1);
    cut.add(lost[0] as string);
  }
  // Any of them.
  expect([...cut].toSorted()).toEqual(["0-1", "1-0", "1-2", "1-3", "1-4", "2-1", "3-1", "4-1"]);
});

describe("halves: a minority with the target, and a majority", () => {
  test.each([2, 3, 4, 5, 7, 9])("of %d nodes", (nodes) => {
    const sizes = new Set<number>();
    const companions = new Set<number>();
    for (const draw of draws) {
      const heard = heardIn("halves", { nodes, draw });
      const minority = new Set([1, ...(heard[1] as number[])]);
      heard.forEach((others, id) => {
        const side = heard.flatMap((_, other) => (minority.has(other) === minority.has(id) ? [other] : []));
        expect(others).toEqual(side.filter((other) => other !== id));
      });
      sizes.add(minority.size);
      for (const other of heard[1] as number[]) companions.add(other);
    }
    const largest = Math.max(1, Math.floor((nodes - 1) / 2));
    expect([...sizes].toSorted((a, b) => a - b)).toEqual(Array.from({ length: largest }, (_, i) => i + 1));
    expect(companions.size).toBe(largest > 1 ? nodes - 1 : 0);
  });
});

test("chain: everybody hears its neighbours, and the target stands at an end", () => {
  const chains = new Set<string>();
  for (const draw of draws) {
    const heard = heardIn("chain", { draw });
    const chain = [1];
    for (let id = heard[1]?.[0]; id !== undefined; id = heard[id]?.find((next) => !chain.includes(next))) {
      chain.push(id);
    }
    expect(chain.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    heard.forEach((others, id) => {
      const at = chain.indexOf(id);
      const neighbours = [chain[at - 1], chain[at + 1]].filter((other) => other !== undefined);
      expect(others).toEqual(neighbours.toSorted((a, b) => a - b));
    });
    chains.add(chain.join());
  }
  expect(chains.size).toBeGreaterThan(12);
});

test("holes: some of the links, in one direction or both", () => {
  const counts: number[] = [];
  let oneWay = 0;
  for (const draw of draws) {
    const heard = heardIn("holes", { draw });
    counts.push(20 - heard.flat().length);
    heard.forEach((others, to) => {
      for (const from of others) if (!heard[from]?.includes(to)) oneWay++;
    });
  }
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  expect(mean).toBeGreaterThan(5);
  expect(mean).toBeLessThan(9);
  expect(oneWay).toBeGreaterThan(0);
});

test("the same draw leaves the same links", () => {
  for (const shape of ["halves", "holes", "chain", "one-way-link"] as const) {
    const left = (draw: number) => JSON.stringify(heardIn(shape, { nodes: 7, draw }));
    expect(left(5)).toBe(left(5));
    expect(new Set(draws.map(left)).size).toBeGreaterThan(5);
  }
});

test("a cluster of one or two has partitions too", () => {
  expect(heardIn("one-way-link", { nodes: 1, target: 0, leader: undefined })).toEqual([[]]);
  expect(heardIn("halves", { nodes: 1, target: 0, leader: undefined })).toEqual([[]]);
  expect(heardIn("isolated", { nodes: 2, target: 0 })).toEqual([[], []]);
  expect(heardIn("star", { nodes: 2, target: 0 })).toEqual([[1], [0]]);
});
