import { expect, test } from "@jest/globals";

import { UsageError, parseFlags } from "./flags.js";

test("flags", () => {
  expect(parseFlags([])).toEqual({ script: false, keep: false });
  expect(parseFlags(["--script", "--keep"])).toEqual({ script: true, keep: true });
});

test("help is printed", () => {
  expect(parseFlags(["--help"])).toContain("--script");
});

test.each([
  [["--nope"], "Unknown argument: nope; see pnpm demo --help"],
  [["more"], "Unknown argument: more; see pnpm demo --help"],
  [["--", "more"], "Unknown argument: more; see pnpm demo --help"],
])("%j is refused", (args, message) => {
  expect(() => parseFlags(args)).toThrow(new UsageError(message));
});
