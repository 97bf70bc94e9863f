// Reads: of the leader if it is known, of any other server when that does not answer.
import { getEventListeners } from "node:events";
import { beforeEach, expect, test } from "@jest/globals";
import { Consistency } from "@paxos/proto";
import { now, ScriptedClient } from "./scripted-client.js";
import type { QueryCall } from "./scripted-transport.js";

const servers = ["a:1", "b:2", "c:3"];
const query = Uint8Array.of(7);

let scripted: ScriptedClient;
beforeEach(() => {
  scripted = new ScriptedClient({ servers });
});

/** What it rejects with, asked for before it does. */
function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => Promise.reject(new Error(`resolved with ${String(value)}`)),
    (error: unknown) => error,
  );
}

/** The only query that has been sent since. */
function sent(): QueryCall {
  const [call, ...others] = scripted.transport.queries.splice(0);
  expect(others).toEqual([]);
  return call as QueryCall;
}

test("the answer, and the seq that it reflects", async () => {
  const reading = scripted.client.read(query);
  await scripted.time.pass(0);
  const { request, answer } = sent();
  expect(request.query).toEqual(query);
  expect(request.consistency).toBe(Consistency.UNSPECIFIED);
  answer(12, Uint8Array.of(9));
  expect(await reading).toEqual({ seq: 12, result: Uint8Array.of(9) });
});

test("a server that does not answer is left after 2 s, for another one; then the first is tried once more", async () => {
  const reading = scripted.client.read(query);
  await scripted.time.pass(0);
  const first = sent();
  await scripted.time.pass(1_999);
  expect(first.signal.aborted).toBe(false);
  await scripted.time.pass(1);
  expect(first.signal.aborted).toBe(true);
  const second = sent();
  second.fail("unavailable");
  await scripted.time.pass(0);
  const third = sent();
  expect([first, second, third].map(({ address }) => address).toSorted()).toEqual(servers);
  third.fail("unavailable");
  await scripted.time.pass(50);
  sent().answer(1, query);
  expect(await reading).toMatchObject({ seq: 1 });
});

test("what no server will answer is not asked again", async () => {
  const reading = scripted.client.read(query);
  await scripted.time.pass(0);
  sent().fail("invalid", "no such key space");
  await expect(reading).rejects.toMatchObject({ code: "invalid", message: "no such key space" });
});

test("a busy server does not count as one that has failed; another one is asked", async () => {
  const reading = scripted.client.read(query);
  await scripted.time.pass(0);
  sent().fail("busy");
  await scripted.time.pass(0);
  sent().answer(1, query);
  expect(await reading).toMatchObject({ seq: 1 });
});

test("the deadline says what went wrong last, and nothing is left behind", async () => {
  const controller = new AbortController();
  const reading = scripted.client.read(query, { timeoutMs: 300, signal: controller.signal });
  await scripted.time.pass(0);
  sent().fail("unavailable", "connection refused");
  const end = rejectionOf(reading);
  await scripted.time.pass(300);
  expect(await end).toMatchObject({
    code: "timed_out",
    message: expect.stringMatching(
      /^the read was not answered within 0.3 s; last, server .:\d: no answer within 0.[23] s$/,
    ) as unknown,
  });
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
});

test("a caller gives up", async () => {
  const controller = new AbortController();
  const reading = scripted.client.read(query, { signal: controller.signal });
  await scripted.time.pass(0);
  const { signal } = sent();
  controller.abort();
  await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  expect(signal.aborted).toBe(true);
});

test("a local read of one server stays with that server", async () => {
  const reading = scripted.client.read(query, { consistency: "local", server: "b:2" });
  for (let i = 0; i < 3; i++) {
    await scripted.time.pass(i * 100);
    const { address, request, fail, answer } = sent();
    expect(address).toBe("b:2");
    expect(request.consistency).toBe(Consistency.LOCAL);
    if (i < 2) fail("unavailable");
    else answer(3, query);
  }
  expect(await reading).toMatchObject({ seq: 3 });
  await expect(scripted.client.read(query, { server: "d:4" })).rejects.toMatchObject({ code: "invalid" });
});

test("a thousand are on their way at most; the others wait for their turn", async () => {
  const reads = Array.from({ length: 1_002 }, () => scripted.client.read(query));
  await scripted.time.pass(0);
  expect(scripted.transport.queries).toHaveLength(1_000);
  scripted.transport.queries[17]?.answer(1, query);
  await scripted.time.pass(0);
  expect(scripted.transport.queries).toHaveLength(1_001);
  expect(await now(reads[1_001] as Promise<unknown>)).toBe("open");
  for (const { answer } of scripted.transport.queries) answer(1, query);
  await scripted.time.pass(0);
  scripted.transport.queries[1_001]?.answer(1, query);
  expect(await Promise.all(reads)).toHaveLength(1_002);
});

test("closing the client ends them", async () => {
  const reading = scripted.client.read(query, { timeoutMs: Infinity });
  await scripted.time.pass(0);
  await scripted.client.close();
  await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  await expect(scripted.client.read(query)).rejects.toMatchObject({ code: "cancelled" });
});

test("one signal for very many reads has one listener, and none when they are settled; aborted, it ends those in line too", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const reads = Array.from({ length: 1_500 }, () => scripted.client.read(query, { signal }));
  await scripted.time.pass(0);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  const ends = Promise.all(reads.map(rejectionOf));
  controller.abort();
  for (const end of await ends) expect(end).toMatchObject({ code: "cancelled" });
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(scripted.transport.queries).toHaveLength(1_000);
  const next = scripted.client.read(query);
  await scripted.time.pass(0);
  scripted.transport.queries.at(-1)?.answer(1, query);
  expect(await next).toMatchObject({ seq: 1 });
});

test("what waits in line is told when its time is over", async () => {
  const reads = Array.from({ length: 1_001 }, (_, i) =>
    scripted.client.read(query, { timeoutMs: i === 1_000 ? 100 : Infinity }),
  );
  await scripted.time.pass(0);
  const end = rejectionOf(reads[1_000] as Promise<unknown>);
  await scripted.time.pass(100);
  expect(await end).toMatchObject({
    code: "timed_out",
    message: "the read was not answered within 0.1 s; last, it was not its turn",
  });
  for (const { answer } of scripted.transport.queries) answer(1, query);
  expect(await Promise.all(reads.slice(0, 1_000))).toHaveLength(1_000);
});
