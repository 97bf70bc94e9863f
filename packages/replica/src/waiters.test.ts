import { getEventListeners } from "node:events";
import { RequestError, type UpdateCaller } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { submission } from "./submission.js";
import { Waiters } from "./waiters.js";

const outcome = { seq: 1, result: new Uint8Array(), duplicate: false };
const busy = new RequestError("busy", "later");
const cancelled = new RequestError("cancelled", "given up");

function order(waiters: Waiters, clientId: bigint, timestamp: bigint): void {
  waiters.ordered(clientId, timestamp, outcome.seq, outcome.result, outcome.duplicate);
}

function wait(waiters: Waiters, clientId: bigint, timestamp: bigint, signal?: AbortSignal) {
  return submission(
    (caller) => waiters.add(clientId, timestamp, caller),
    (caller) => {
      if (waiters.leave(clientId, timestamp, caller)) caller.onFailed(cancelled);
    },
    signal,
  );
}

test("an outcome reaches all who wait for that update, and nobody else", async () => {
  const waiters = new Waiters(1);
  const waiting = [1, 2, 3].map(() => wait(waiters, 1n, 1n));
  const others = [wait(waiters, 1n, 2n), wait(waiters, 2n, 1n)];
  order(waiters, 1n, 1n);
  expect(await Promise.all(waiting)).toEqual([outcome, outcome, outcome]);
  waiters.failAll(() => busy);
  expect(await Promise.allSettled(others)).toEqual(Array(2).fill({ status: "rejected", reason: busy }));
});

test("an outcome that nobody waits for is nothing special", async () => {
  const waiters = new Waiters(1);
  order(waiters, 1n, 1n);
  waiters.fail(1n, 1n, () => busy);
  const later = wait(waiters, 1n, 1n);
  waiters.fail(1n, 1n, () => busy);
  await expect(later).rejects.toBe(busy);
});

test("whoever gives up leaves the others waiting, and whoever comes after is served", async () => {
  const waiters = new Waiters(1);
  const [first, second] = [new AbortController(), new AbortController()];
  const giveUp = [wait(waiters, 1n, 1n, first.signal)];
  const stays = wait(waiters, 1n, 1n);
  giveUp.push(wait(waiters, 1n, 1n, second.signal));
  first.abort();
  second.abort();
  expect(await Promise.allSettled(giveUp)).toEqual(Array(2).fill({ status: "rejected", reason: cancelled }));
  const comes = wait(waiters, 1n, 1n);
  order(waiters, 1n, 1n);
  expect(await Promise.all([stays, comes])).toEqual([outcome, outcome]);
});

test("whoever leaves has waited once, and nobody is told twice", () => {
  const waiters = new Waiters(1);
  const told: string[] = [];
  const caller: UpdateCaller = { onOrdered: () => told.push("ordered"), onFailed: () => told.push("failed") };
  expect(waiters.leave(1n, 1n, caller)).toBe(false);
  waiters.add(1n, 1n, caller);
  expect([waiters.leave(1n, 1n, caller), waiters.leave(1n, 1n, caller)]).toEqual([true, false]);
  order(waiters, 1n, 1n);
  expect(told).toEqual([]);
  waiters.add(1n, 1n, caller);
  order(waiters, 1n, 1n);
  order(waiters, 1n, 1n);
  waiters.failAll(() => busy);
  expect(told).toEqual(["ordered"]);
});

test("no listener stays, whatever the end", async () => {
  const waiters = new Waiters(1);
  const controller = new AbortController();
  const { signal } = controller;
  const ends = [
    (id: bigint) => order(waiters, id, 1n),
    (id: bigint) => waiters.fail(id, 1n, () => busy),
    () => waiters.failAll(() => busy),
    () => controller.abort(),
  ];
  for (const [i, end] of ends.entries()) {
    const waiting = wait(waiters, BigInt(i + 1), 1n, signal);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    end(BigInt(i + 1));
    await Promise.allSettled([waiting]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  }
});
