import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root, runTool } from "../run-tool.mjs";
import { plant } from "./planted.mjs";

const sum = join(root, "scripts", "test-counts", "sum.mjs");

/**
 * @param {import("node:test").TestContext} t
 * @param {Record<string, { passed: number, failed: number }>} counts
 */
async function summed(t, counts) {
  const files = Object.entries(counts).map(([name, count]) => [
    `${encodeURIComponent(name)}.json`,
    JSON.stringify(count),
  ]);
  const folder = await plant(t, /** @type {Record<string, string>} */ (Object.fromEntries(files)));
  const { status, output } = await runTool(process.execPath, [sum, folder], { quiet: true });
  return { status, lines: output.trimEnd().split("\n") };
}

test("the last line adds up the tests of all packages", async (t) => {
  const { lines } = await summed(t, {
    "@paxos/core": { passed: 30, failed: 0 },
    scripts: { passed: 12, failed: 0 },
  });
  assert.equal(lines.at(-1), "42 passed, 0 failed");
});

test("a package whose tests have not run to their end makes the run fail", async (t) => {
  const { status, lines } = await summed(t, { scripts: { passed: 12, failed: 0 } });
  assert.equal(status, 1);
  assert.ok(lines.includes("@paxos/proto: its tests have not run to their end"));
});

test("failed tests are counted and make the run fail", async (t) => {
  const { status, lines } = await summed(t, { "@paxos/proto": { passed: 3, failed: 2 } });
  assert.equal(status, 1);
  assert.equal(lines.at(-1), "3 passed, 2 failed");
});

test("pnpm check refuses the name of a check that it does not know, and says which there are", async () => {
  const check = join(root, "scripts", "check.mjs");
  const { status, output } = await runTool(process.execPath, [check, "unheard-of"], { quiet: true });
  assert.equal(status, 2);
  assert.match(output, /No check named unheard-of\. There are: lint, format, /);
});
