// What pnpm test:upgrade judges by.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../run-tool.mjs";
import { commandsIn, flagsIn } from "../upgrade/help.mjs";
import { complaintsIn, warningsIn } from "../upgrade/server-log.mjs";
import { faultsOf } from "../upgrade/verdict.mjs";

const entry = (/** @type {number} */ seq, /** @type {string} */ update, clientId = "7") => ({
  seq,
  update,
  clientId,
  timestamp: String(seq),
});
const held = (/** @type {number} */ node, /** @type {ReturnType<typeof entry>[]} */ ...entries) => ({
  node,
  entries,
});
const acknowledged = [
  { update: "a", seq: 2 },
  { update: "b", seq: 3 },
];

void describe("the verdict on logs", () => {
  const good = [entry(2, "a"), entry(3, "b")];

  test("each update once, and the same everywhere", () => {
    assert.deepEqual(faultsOf(acknowledged, [held(0, ...good), held(1, ...good)]), []);
  });

  /** @type {[string, ReturnType<typeof entry>[], RegExp][]} */
  const faulty = [
    ["an update is lost", [entry(2, "a")], /node 1 has b nowhere; it was acknowledged at seq 3/],
    [
      "it stands elsewhere",
      [entry(2, "a"), entry(4, "b")],
      /node 1 has b at 4; it was acknowledged at seq 3/,
    ],
    ["it stands twice", [...good, entry(4, "b")], /node 1 has b at 3 and 4/],
    ["one that nobody sent", [...good, entry(4, "c")], /node 1 has c at 4; nobody was told so/],
    ["the order is wrong", [entry(3, "b"), entry(2, "a")], /node 1 has seq 2 behind seq 3/],
    ["two logs differ", [entry(2, "a"), entry(3, "b", "8")], /nodes 0 and 1 differ: the one has b of 7\/3/],
  ];
  for (const [name, entries, fault] of faulty)
    test(name, () =>
      assert.match(faultsOf(acknowledged, [held(0, ...good), held(1, ...entries)]).join("\n"), fault),
    );

  test("an update that was acknowledged twice, and two at one seq", () => {
    const twice = [...acknowledged, { update: "a", seq: 4 }, { update: "c", seq: 3 }];
    const faults = faultsOf(twice, []).join("\n");
    assert.match(faults, /a was acknowledged at seq 2 and at 4/);
    assert.match(faults, /seq 3 was acknowledged for b and for c/);
  });
});

void test("what servers must not say, and what they may", () => {
  const at = "2026-01-01T00:00:00.000Z";
  const fine = [
    `${at} not connected to node 1 at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1`,
    `${at} follows node 1, leader of view 2`,
  ];
  const warnings = [`${at} warning: ignored: message of epoch 0 (wrong_epoch, 1 so far)`];
  const bad = [
    `${at} error: the disk is full`,
    `${at} refused by node 1 at 127.0.0.1:1: it speaks version 9`,
    `${at} warning: closed a connection: a frame does not decode`,
    "    at Object.<anonymous> (file.js:1:1)",
  ];
  const log = [...fine, ...warnings, ...bad, ""].join("\n");
  assert.deepEqual(complaintsIn(log), bad);
  assert.deepEqual(warningsIn(log), ["ignored: message of epoch 0 (wrong_epoch, 1 so far)"]);
});

void test("commands and flags are found in a program's help", () => {
  const help =
    "Commands:\n  prog         send\n  prog member  change them\n\n  -i, --id   which\n      --join  host:port\n";
  assert.deepEqual(commandsIn(help, "prog"), new Set(["member"]));
  assert.deepEqual(flagsIn(help), new Set(["--id", "--join"]));
});

void describe("bad input: status 2, and what to do", () => {
  /** @type {[string[], RegExp][]} */
  const inputs = [
    [["--transport", "udp"], /--transport is udp; it must be connect or tcp/],
    [["--nonsense"], /--nonsense/],
    [["--base", "no-such-commit"], /no-such-commit is (no commit|missing)|no history/],
  ];
  for (const [args, message] of inputs)
    test(args.join(" "), () => {
      const program = join(root, "scripts", "test-upgrade.mjs");
      const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
      assert.match(stderr, message);
      assert.ok(status === 2 || /shallow|no history/.test(stderr), `status ${status}`);
      assert.doesNotMatch(stderr, /\n +at /);
    });
});
