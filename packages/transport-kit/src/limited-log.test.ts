import { silentLogger } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { LimitedLog } from "./limited-log.js";

test("one line per kind and interval, with the count of those left out", () => {
  const lines: string[] = [];
  let now = 0;
  const log = new LimitedLog({ ...silentLogger, warn: (line) => void lines.push(line) }, 1000, () => now);
  for (let i = 0; i < 5; i++) log.warn("a", `a${i}`);
  log.warn("b", "b0");
  now = 999;
  log.warn("a", "a5");
  now = 1000;
  log.warn("a", "a6");
  log.warn("a", "a7");
  expect(lines).toEqual(["a0", "b0", "a6 (and 5 more like this)"]);
});
