import { getEventListeners } from "node:events";
import { RequestError } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { Waiters } from "./waiters.js";

const outcome = { seq: 1, result: new Uint8Array(), duplicate: false };
const cancelled = () => new RequestError("cancelled", "given up");
const busy = new RequestError("busy", "later");

test("an outcome reaches all who wait for that update, and nobody else", async () => {
  const waiters = new Waiters();
  const waiting = [waiters.wait(1n, 1n, undefined, cancelled), waiters.wait(1n, 1n, undefined, cancelled)];
  const others = [waiters.wait(1n, 2n, undefined, cancelled), waiters.wait(2n, 1n, undefined, cancelled)];
  waiters.resolve(1n, 1n, outcome);
  expect(await Promise.all(waiting)).toEqual([outcome, outcome]);
  waiters.rejectAll(() => busy);
  expect(await Promise.allSettled(others)).toEqual(Array(2).fill({ status: "rejected", reason: busy }));
});

test("an outcome that nobody waits for is nothing special", async () => {
  const waiters = new Waiters();
  waiters.resolve(1n, 1n, outcome);
  waiters.reject(1n, 1n, () => busy);
  const later = waiters.wait(1n, 1n, undefined, cancelled);
  waiters.reject(1n, 1n, () => busy);
  await expect(later).rejects.toBe(busy);
});

test("whoever gives up leaves the others waiting, and whoever comes after is served", async () => {
  const waiters = new Waiters();
  const controller = new AbortController();
  const givesUp = waiters.wait(1n, 1n, controller.signal, cancelled);
  const stays = waiters.wait(1n, 1n, undefined, cancelled);
  controller.abort();
  await expect(givesUp).rejects.toMatchObject({ code: "cancelled" });
  const comes = waiters.wait(1n, 1n, undefined, cancelled);
  waiters.resolve(1n, 1n, outcome);
  expect(await Promise.all([stays, comes])).toEqual([outcome, outcome]);
});

test("no listener stays, whatever the end", async () => {
  const waiters = new Waiters();
  const controller = new AbortController();
  const { signal } = controller;
  const ends = [
    (id: bigint) => waiters.resolve(id, 1n, outcome),
    (id: bigint) => waiters.reject(id, 1n, () => busy),
    () => waiters.rejectAll(() => busy),
    () => controller.abort(),
  ];
  for (const [i, end] of ends.entries()) {
    const waiting = waiters.wait(BigInt(i + 1), 1n, signal, cancelled);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    end(BigInt(i + 1));
    await Promise.allSettled([waiting]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  }
});
