import { expect, test } from "@jest/globals";

import type { Outcome } from "../run.js";
import { judge, PATIENCE_MS } from "./judge.js";

const brokenAfter = (busyMs: number): Outcome => ({ kind: "broken", reason: "it had not ended", busyMs });

test("a run that takes too long has found the bug if the code as it is does it promptly", async () => {
  const found = await judge(brokenAfter(PATIENCE_MS), async () => 2900);
  expect(found).toEqual({ checker: "hang", finding: "it had not ended" });
});

test("on a machine where the code as it is takes long, too, nothing has been found", async () => {
  const judged = await judge(brokenAfter(PATIENCE_MS), async () => 3000);
  expect(judged).toEqual({ error: expect.stringMatching(/takes 3.0 s here: too slow to tell$/) });
});

test("a run that broke early is an error of ours, whatever the code as it is does", async () => {
  const never = async (): Promise<number> => {
    throw new Error("asked for no reason");
  };
  expect(await judge(brokenAfter(10), never)).toEqual({ error: "it had not ended" });
});
