import { expect, test } from "@jest/globals";
import { turn } from "../test/until.js";
import { oncePerTurn } from "./once-per-turn.js";

test("it is called once in a turn, at its end, and again in the next", async () => {
  let calls = 0;
  const call = oncePerTurn(() => calls++);
  for (let i = 0; i < 3; i++) {
    call();
    await Promise.resolve();
  }
  expect(calls).toBe(0);
  await turn();
  expect(calls).toBe(1);
  call();
  await turn();
  expect(calls).toBe(2);
});
