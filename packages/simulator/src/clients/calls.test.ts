import { expect, test } from "@jest/globals";
import { decodeCall, encodeCall } from "./call.js";
import { Calls } from "./calls.js";

const update = Uint8Array.of(1, 2, 3);

test("a call's bytes are its id and its update", () => {
  for (const id of [0, 255, 70_000, 2 ** 32 - 1]) {
    expect(decodeCall(encodeCall(id, update))).toEqual({ id, update });
  }
  expect(decodeCall(encodeCall(7, new Uint8Array()))).toEqual({ id: 7, update: new Uint8Array() });
  expect(decodeCall(Uint8Array.of(0, 0, 1))).toBeUndefined();
  // Also where they stand within others.
  expect(decodeCall(Uint8Array.from([9, 9, ...encodeCall(5, update)]).subarray(2))).toEqual({
    id: 5,
    update,
  });
});

test("a call is found by its id, if it has sent just this", () => {
  const calls = new Calls();
  const [first, second] = [1, 2].map((client) => calls.add({ client, update, start: client }));
  expect([first?.id, second?.id]).toEqual([0, 1]);
  expect(calls.find(1, Uint8Array.from(update))).toBe(second);
  expect(calls.find(2, update)).toBeUndefined();
  expect(calls.find(1, Uint8Array.of(1, 2))).toBeUndefined();
  expect(calls.find(1, Uint8Array.of(1, 2, 3, 4))).toBeUndefined();
  expect(calls.find(1, Uint8Array.of(1, 2, 4))).toBeUndefined();
});

test("the history has all calls but those that were rejected for certain", () => {
  const calls = new Calls();
  const outcomes = ["ordered", "rejected", "unknown", "pending"] as const;
  for (const [start, outcome] of outcomes.entries()) {
    const call = calls.add({ client: start, update, start });
    if (outcome === "pending") continue;
    if (outcome === "ordered") Object.assign(call, { result: Uint8Array.of(9), end: 50 });
    calls.end(call, outcome);
  }
  expect(calls).toMatchObject({ ordered: 1, rejected: 1, unknown: 1 });
  expect(calls.history()).toEqual([
    { client: 0, update, result: Uint8Array.of(9), start: 0, end: 50 },
    { client: 2, update, result: undefined, start: 2, end: Infinity },
    { client: 3, update, result: undefined, start: 3, end: Infinity },
  ]);
});
