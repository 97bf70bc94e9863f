// Reads: of the leader if it is known, of any other server when that does not answer.
import { getEventListeners } from "node:events";
import { create } from "@bufbuild/protobuf";
import { beforeEach, expect, test } from "@jest/globals";
import { Consistency, QueryResponseSchema } from "@paxos/proto";
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

test("reads that begin at about the same time share what ends them, and none of them is cut short", async () => {
  const reads = [rejectionOf(scripted.client.read(query, { timeoutMs: 5_000 }))];
  await scripted.time.pass(49);
  reads.push(rejectionOf(scripted.client.read(query, { timeoutMs: 5_000 })));
  await scripted.time.pass(1);
  reads.push(rejectionOf(scripted.client.read(query, { timeoutMs: 5_000 })));
  await scripted.time.pass(0);
  const [first, second, third] = scripted.transport.queries.splice(0) as [QueryCall, QueryCall, QueryCall];
  expect(second.signal).toBe(first.signal);
  expect(third.signal).not.toBe(first.signal);
  await scripted.time.pass(1_998);
  expect(first.signal.aborted).toBe(false);
  await scripted.time.pass(1);
  expect([first, third].map(({ signal }) => signal.aborted)).toEqual([true, false]);
  await scripted.time.pass(1);
  expect(third.signal.aborted).toBe(true);
  await scripted.client.close();
  expect(await Promise.all(reads)).toMatchObject(reads.map(() => ({ code: "cancelled" })));
  expect(scripted.time.timers).toBe(0);
});

test("one whose time is shorter ends at its own time", async () => {
  const short = rejectionOf(scripted.client.read(query, { timeoutMs: 2_010 }));
  const long = scripted.client.read(query);
  await scripted.time.pass(0);
  const [first, second] = scripted.transport.queries.splice(0) as [QueryCall, QueryCall];
  expect(second.signal).not.toBe(first.signal);
  second.answer(1, query);
  expect(await long).toMatchObject({ seq: 1 });
  await scripted.time.pass(2_009);
  expect(await now(short)).toBe("open");
  await scripted.time.pass(1);
  expect(await short).toMatchObject({ code: "timed_out" });
});

test("a signal of a thousand reads has one listener, and ends these alone, also those that wait for their turn", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const mine = Array.from({ length: 990 }, () => rejectionOf(scripted.client.read(query, { signal })));
  const others = Array.from({ length: 10 }, () => scripted.client.read(query));
  mine.push(...Array.from({ length: 20 }, () => rejectionOf(scripted.client.read(query, { signal }))));
  others.push(scripted.client.read(query));
  await scripted.time.pass(0);
  expect(scripted.transport.queries).toHaveLength(1_000);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  controller.abort("enough");
  expect(await Promise.all(mine)).toMatchObject(mine.map(() => ({ code: "cancelled", cause: "enough" })));
  await scripted.time.pass(0);
  // Of those that waited, only one is still wanted.
  expect(scripted.transport.queries).toHaveLength(1_001);
  for (const { answer, signal: own } of scripted.transport.queries) if (!own.aborted) answer(1, query);
  expect(await Promise.all(others)).toHaveLength(11);
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(await rejectionOf(scripted.client.read(query, { signal }))).toMatchObject({ code: "cancelled" });
});

test("a transport that does not hear its signal holds up nobody, and its late answer is left aside", async () => {
  const { transport } = scripted;
  const answers: (() => void)[] = [];
  transport.query = (address) =>
    new Promise((resolve) => {
      const seq = BigInt(answers.length);
      answers.push(() => resolve(create(QueryResponseSchema, { seq, result: new Uint8Array() })));
      addresses.push(address);
    });
  const addresses: string[] = [];
  const reading = scripted.client.read(query);
  await scripted.time.pass(2_099);
  expect(answers).toHaveLength(1);
  await scripted.time.pass(1);
  expect(answers).toHaveLength(2);
  expect(new Set(addresses).size).toBe(2);
  answers[0]?.();
  expect(await now(reading)).toBe("open");
  answers[1]?.();
  expect(await reading).toMatchObject({ seq: 1 });
});

test("a transport that throws, and one that fails in its own way, are tried elsewhere", async () => {
  const { transport } = scripted;
  let calls = 0;
  transport.query = () => {
    calls++;
    if (calls === 1) throw new TypeError("broken");
    if (calls === 2) return Promise.reject(new TypeError("broken too"));
    return Promise.resolve(create(QueryResponseSchema, { seq: 5n }));
  };
  expect(await scripted.client.read(query)).toMatchObject({ seq: 5 });
});

test("one that waits for its turn too long says so; what is no time is refused", async () => {
  const reads = Array.from({ length: 1_000 }, () => scripted.client.read(query));
  const late = rejectionOf(scripted.client.read(query, { timeoutMs: 300 }));
  await scripted.time.pass(300);
  expect(await late).toMatchObject({
    code: "timed_out",
    message: "the read was not answered within 0.3 s; last, it was not its turn",
  });
  for (const { answer } of scripted.transport.queries) answer(1, query);
  await Promise.all(reads);
  expect(await rejectionOf(scripted.client.read(query, { timeoutMs: 0 }))).toMatchObject({ code: "invalid" });
});

test("no more wait than may", async () => {
  scripted = new ScriptedClient({ servers, maxWaiting: 2 });
  const reads = Array.from({ length: 1_003 }, () =>
    scripted.client.read(query).catch((error: unknown) => error),
  );
  expect(await reads[1_002]).toMatchObject({ code: "busy" });
  await scripted.client.close();
  expect(await Promise.all(reads.slice(0, -1))).toMatchObject(
    reads.slice(0, -1).map(() => ({ code: "cancelled" })),
  );
});

test("closing the client ends them", async () => {
  const reading = scripted.client.read(query, { timeoutMs: Infinity });
  await scripted.time.pass(0);
  await scripted.client.close();
  await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  await expect(scripted.client.read(query)).rejects.toMatchObject({ code: "cancelled" });
});
