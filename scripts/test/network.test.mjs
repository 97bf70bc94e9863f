import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { netemCommands } from "../network/netem.mjs";
import { root } from "../run-tool.mjs";

/** @param {...string} args */
function testNetwork(...args) {
  // Nothing is found on this PATH, so no network can be made, whoever runs this test.
  const options = { encoding: /** @type {const} */ ("utf8"), env: { ...process.env, PATH: "" } };
  return spawnSync(process.execPath, [join(root, "scripts", "test-network.mjs"), ...args], options);
}

test("where no namespaces can be made, it says why, and skips", () => {
  const { status, stdout, stderr } = testNetwork();
  assert.equal(stderr, "");
  assert.match(stdout, /^pnpm test:network: skipped: .*(Linux|sudo|iproute2)\n$/);
  assert.equal(status, 0);
});

test("where it must run, that is a failure", () => {
  const { status, stdout } = testNetwork("--must-run");
  assert.match(stdout, /^pnpm test:network: failed: /);
  assert.equal(status, 1);
});

test("a wrong command line has status 2, and one line", () => {
  for (const [args, message] of /** @type {const} */ ([
    [["--nope"], "Unknown option '--nope'"],
    [["--transport", "pigeon"], 'bad --transport "pigeon": give connect or tcp'],
  ])) {
    const { status, stderr } = testNetwork(...args);
    assert.ok(stderr.startsWith(`pnpm test:network: ${message}`), stderr);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
    assert.equal(status, 2);
  }
});

test("--help says what it does", () => {
  const { status, stdout } = testNetwork("--help");
  assert.match(stdout, /^pnpm test:network .*--transport/s);
  assert.equal(status, 0);
});

test("netem delays and loses what leaves a host, and all of what is cut", () => {
  const limit = "limit 100000";
  const [out, into] = [
    "tc -n host qdisc replace dev eth0 root netem",
    "tc -n lan qdisc replace dev port2 root netem",
  ];
  /** @param {import("../network/lan.mjs").Direction[]} directions */
  const commands = (...directions) =>
    netemCommands("lan", 2, "host", directions).map((words) => words.join(" "));
  assert.deepEqual(commands(), [`${out} ${limit} delay 50ms loss 1%`, `${into} ${limit}`]);
  assert.deepEqual(commands("outgoing"), [`${out} ${limit} loss 100%`, `${into} ${limit}`]);
  assert.deepEqual(commands("incoming"), [
    `${out} ${limit} delay 50ms loss 1%`,
    `${into} ${limit} loss 100%`,
  ]);
  assert.deepEqual(commands("incoming", "outgoing"), [
    `${out} ${limit} loss 100%`,
    `${into} ${limit} loss 100%`,
  ]);
});
