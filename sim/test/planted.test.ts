// The planted bugs: each still fits the code, and is found by the seed that is known to find it.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "@jest/globals";
import { catalogue } from "../src/planted/catalogue.js";
import { edited } from "../src/planted/copy.js";
import { withSeed } from "../src/planted/record.js";
import type { SearchResult } from "../src/planted/search.js";

const names = catalogue.map(({ name }) => name);
const results = new Map<string, SearchResult>();

beforeAll(async () => {
  const program = fileURLToPath(new URL("../dist/planted-main.js", import.meta.url));
  const child = spawn(process.execPath, [program, "--known", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise((resolve) => child.once("close", resolve));
  for (const line of output.split("\n").filter(Boolean)) {
    const result = JSON.parse(line) as SearchResult;
    results.set(result.bug, result);
  }
}, 1_200_000);

test("there are at least 25 bugs, each with a name of its own", () => {
  expect(names.length).toBeGreaterThanOrEqual(25);
  expect(new Set(names).size).toBe(names.length);
});

test.each(catalogue)("$name fits the code as it is now", (bug) => {
  expect(edited(bug).size).toBeGreaterThan(0);
});

test.each(catalogue)("$name is found by its seed, which the code as it is passes", ({ name }) => {
  const result = results.get(name);
  expect(result?.error).toBeUndefined();
  expect(result?.checker).toEqual(expect.any(String));
});

test("an edit that does not fit names the bug, the file, and what to do", () => {
  const edits = [{ file: "core/src/timer.ts", find: "no such code", replace: "" }];
  expect(() => edited({ name: "some-bug", edits })).toThrow(
    /some-bug, packages\/core\/src\/timer.ts: "no such code" occurs 0 times, not once.*fit the edit in sim\/src\/planted/,
  );
  const twice = [{ file: "core/src/timer.ts", find: "duration", replace: "" }];
  expect(() => edited({ name: "some-bug", edits: twice })).toThrow(/occurs \d+ times, not once/);
  const elsewhere = [{ file: "core/src/no-such-file.ts", find: "x", replace: "" }];
  expect(() => edited({ name: "some-bug", edits: elsewhere })).toThrow(
    /no-such-file.ts.* is no file that can be edited/,
  );
});

test("what finds a bug is written into the catalogue, at the bug's own place", () => {
  const entry = (name: string, profile: string, seed: number) =>
    `  {\n    name: "${name}",\n    edits: [],\n    profile: "${profile}",\n    seed: ${seed},\n  },\n`;
  const before = entry("first", "rough", 1) + entry("second", "rough", 1) + entry("third", "rough", 1);
  const after = entry("first", "rough", 1) + entry("second", "duel", 37) + entry("third", "rough", 1);
  const found = { bug: "second", profile: "duel", seeds: 37, seed: 37, checker: "x", finding: "y" } as const;
  expect(withSeed(before, found)).toBe(after);
  expect(withSeed(before, { bug: "second", profile: "duel", seeds: 2000 })).toBe(before);
  expect(withSeed(before, { ...found, bug: "fourth" })).toBe(before);
});
