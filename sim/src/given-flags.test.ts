import { expect, test } from "@jest/globals";

import { readSimFlags } from "./flags.js";
import { parsePlantedFlags } from "./planted/flags.js";

test.each([
  ["pnpm sim", readSimFlags],
  ["pnpm sim:planted", parsePlantedFlags],
])("%s --help fits a terminal of 80, and nothing in it runs together", (_, read) => {
  const help = read(["--help"]);
  expect(read(["-h"])).toBe(help);
  if (typeof help !== "string") throw new Error("it is no text");
  const lines = help.split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.filter((line) => line.includes("[boolean]") || line.includes("[string]"))).toEqual([]);
  expect(lines.filter((line) => /^ +--\w/.test(line)).length).toBeGreaterThan(7);
});

test("the -- of npm's habit is left out, once, and at the beginning only", () => {
  const given = readSimFlags(["--", "--seed", "1"]);
  if (typeof given === "string") throw new Error(given);
  expect(given.word("seed")).toBe("1");
  expect(() => readSimFlags(["--seed", "1", "--", "--trace"])).toThrow("Unknown argument: --trace");
  expect(() => readSimFlags(["--", "--", "--trace"])).toThrow("Unknown argument: --trace");
});
