import { getEventListeners } from "node:events";
import { expect, test } from "@jest/globals";
import { isTimeout, Signals } from "./signals.js";

test("one listener on a signal, for as long as anybody waits for it", () => {
  const { signal } = new AbortController();
  const signals = new Signals();
  const listeners = Array.from({ length: 1000 }, () => () => undefined);
  for (const listener of listeners) signals.watch(signal, listener);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  for (const listener of listeners.slice(1)) signals.unwatch(signal, listener);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  signals.unwatch(signal, listeners[0] as () => undefined);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("all are called when it is aborted, but not those that are taken away meanwhile", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const signals = new Signals();
  const called: string[] = [];
  const last = (): void => void called.push("last");
  signals.watch(signal, () => void called.push("first"));
  signals.watch(signal, () => {
    called.push("second");
    signals.unwatch(signal, last);
  });
  signals.watch(signal, last);
  controller.abort();
  expect(called).toEqual(["first", "second"]);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("a signal of AbortSignal.timeout is told from others", async () => {
  const timeout = AbortSignal.timeout(1);
  await new Promise((resolve) => timeout.addEventListener("abort", resolve));
  expect(
    [timeout, AbortSignal.abort(), AbortSignal.abort(null), AbortSignal.abort("why")].map(isTimeout),
  ).toEqual([true, false, false, false]);
});
