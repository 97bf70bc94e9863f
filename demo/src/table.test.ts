import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { Role, StatusResponseSchema } from "@paxos/proto";

import { displayWidth } from "./fit.js";
import type { Observation } from "./observation.js";
import { createPalette } from "./palette.js";
import { formatTable } from "./table.js";

function node(nodeId: number, role: Role | undefined, updates: readonly string[] = []): Observation {
  const status =
    role === undefined
      ? undefined
      : create(StatusResponseSchema, { nodeId: BigInt(nodeId), role, view: 12n, localAru: 1_234_567n });
  const last = updates.map((text, index) => ({
    seq: index + 2,
    clientId: 7n,
    timestamp: BigInt(index),
    enteredAt: 0,
    update: Buffer.from(text),
    duplicate: false,
  }));
  return { nodeId, port: 1, pid: role === undefined ? undefined : 123_456, lost: false, status, last };
}

const plain = createPalette(false);

test("roles, numbers and the last updates stand in columns", () => {
  const updates = ["a", "b", "c"];
  const nodes = [node(0, Role.LEADER, updates), node(1, undefined), node(2, Role.ELECTING, updates)];
  expect(formatTable(nodes, 80, plain).map((line) => line.trimEnd())).toEqual([
    "  node     pid  role      view      ARU  last updates, the newest first",
    "  0     123456  leader      12  1234567  4: c  3: b  2: a",
    "  1          -  down         -        -",
    "  2     123456  electing    12  1234567  4: c  3: b  2: a",
  ]);
});

test.each([
  ["long", "x".repeat(500)],
  ["of wide characters", "漢字かな交じり文".repeat(20)],
  ["of emoji", "👩‍👩‍👧‍👦🇩🇪".repeat(20)],
  ["of controls", "\x1b[2J\r\n\t\u202e".repeat(20)],
])("no line is wider than the terminal, updates being %s", (_what, text) => {
  for (const width of [1, 45, 60, 80, 200]) {
    const lines = formatTable([node(0, Role.LEADER, [text, text, text])], width, plain);
    // Below that width the numbers are kept, not the updates.
    for (const line of lines) expect(displayWidth(line)).toBeLessThan(Math.max(width, 45));
  }
  const [, line = ""] = formatTable([node(0, Role.LEADER, [text])], 80, plain);
  expect(line).toContain("2: ");
  expect(line).toContain("…");
  expect(line).not.toMatch(/\p{Cc}|\u202e/u);
});

test("colours only where they are wanted", () => {
  const nodes = [node(0, Role.LEADER), node(1, undefined)];
  const [, leader = "", down = ""] = formatTable(nodes, 80, createPalette(true));
  expect(leader).toContain("\x1b[32m");
  expect(down).toContain("\x1b[31m");
  expect(formatTable(nodes, 80, plain).join("")).not.toContain("\x1b");
});
