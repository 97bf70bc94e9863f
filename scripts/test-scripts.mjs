// Runs the tests of the scripts, with Node's own runner.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { root } from "./run-tool.mjs";
import { recordCounts } from "./test-counts/counts.mjs";

const folder = join(root, "scripts", "test");
const files = readdirSync(folder).filter((name) => name.endsWith(".test.mjs"));
const counts = { passed: 0, failed: 0 };
const tests = run({ files: files.map((name) => join(folder, name)), concurrency: true });
tests.on("test:pass", ({ skip }) => {
  if (skip === undefined) counts.passed++;
});
tests.on("test:fail", () => {
  counts.failed++;
  process.exitCode = 1;
});
process.on("exit", () => recordCounts("scripts", counts));
tests.pipe(new spec()).pipe(process.stdout);
