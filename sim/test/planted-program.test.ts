// The program of pnpm sim:planted, as a process.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

function run(...args: string[]) {
  const child = spawnSync(process.execPath, [path("../dist/planted-main.js"), ...args], { encoding: "utf8" });
  return { status: child.status, stdout: child.stdout, stderr: child.stderr };
}

test("finds a bug, says after how many seeds and how, and leaves no copy behind", () => {
  const { status, stdout, stderr } = run("--bug", "timer-never-reset", "--max-seeds", "3");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/^timer-never-reset +rough +\d+ +\w+/m);
  expect(stdout).toMatch(/^1 of 1 found; seeds until found: median \d+, most \d+$/m);
  expect(readdirSync(path("../node_modules/.cache/planted"))).not.toContainEqual(
    expect.stringContaining("timer-never-reset"),
  );
});

test("a bug that the seeds do not find is status 1", () => {
  // Nothing restarts in it and no message is lost.
  const { status, stdout } = run(
    "--bug",
    "promise-forgotten-at-restart",
    "--profile",
    "calm",
    "--max-seeds",
    "1",
  );
  expect(status).toBe(1);
  expect(stdout).toMatch(/^promise-forgotten-at-restart +calm +1 +NOT FOUND$/m);
  expect(stdout).toMatch(/^0 of 1 found$/m);
});

test("lists the bugs with what they break", () => {
  const { status, stdout } = run("--list", "--bug", "duplicate-applied");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^duplicate-applied \(\S+ \d+\)\n {2}Rule 6: .*\n$/);
});

test.each([
  [["--bug", "no-such-bug"], /no planted bug "no-such-bug"/],
  [["--profile", "mild"], /bad --profile "mild": give one of calm, rough/],
  [["--max-seeds", "0"], /bad --max-seeds "0"/],
  [["--from", "-1"], /bad --from "-1"/],
  [["--list", "--json"], /--json does not go with --list: leave it out/],
  [["--known", "--record"], /--record does not go with --known: leave it out/],
  [["--known", "--max-seeds", "3"], /--max-seeds does not go with --known: leave it out/],
  [["--bug", "duplicate-applied", "--known", "--list"], /--known does not go with --list: leave it out/],
  [["--colour"], /Unknown argument: colour/],
  [["more"], /Unknown argument: more/],
])("%j is bad input: one line, status 2", (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd()).not.toContain("\n");
});

test("--help names every flag", () => {
  const { status, stdout } = run("--help");
  expect(status).toBe(0);
  for (const flag of [
    "--bug",
    "--max-seeds",
    "--from",
    "--profile",
    "--known",
    "--jobs",
    "--list",
    "--json",
  ]) {
    expect(stdout).toContain(flag);
  }
});
