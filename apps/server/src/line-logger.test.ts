import { expect, test } from "@jest/globals";

import { LineLogger } from "./line-logger.js";

function log(verbose: boolean): { logger: LineLogger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { logger: new LineLogger({ verbose, now: () => new Date(0), write }), lines };
}

test("a line has the time, and its level when that matters", () => {
  const { logger, lines } = log(false);
  logger.info("listening");
  logger.warn("odd");
  logger.error("broken");
  logger.debug("not wanted");
  expect(lines).toEqual([
    "1970-01-01T00:00:00.000Z listening\n",
    "1970-01-01T00:00:00.000Z warning: odd\n",
    "1970-01-01T00:00:00.000Z error: broken\n",
  ]);
});

test("debug lines are for the verbose", () => {
  const { logger, lines } = log(true);
  expect(logger.verbose).toBe(true);
  logger.debug("sent");
  expect(lines).toEqual(["1970-01-01T00:00:00.000Z sent\n"]);
});

test("an event is one line, whatever is in it", () => {
  const { logger, lines } = log(false);
  logger.info("peer says: a\n1970 forged\u001b[2J");
  expect(lines).toEqual(["1970-01-01T00:00:00.000Z peer says: a\\n1970 forged\\u001b[2J\n"]);
});
