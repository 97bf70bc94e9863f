import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { RequestError } from "@paxos/core";
import {
  ClientUpdateSchema,
  FailureCode,
  QueryRequestSchema,
  UpdateBatchSchema,
  type UpdateBatch,
} from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { maxUpdateStreams } from "../src/session-updates.js";
import { until } from "./endpoint.js";
import { errorOf, Failing, Handler, Held, HeldQueries, Stuck, update } from "./handlers.js";
import { batch, connectClient, forEver, type RawStream } from "./raw-stream.js";
import { endpoints, never, newClient, newStream, numbers, serving } from "./update-resources.js";

const queryOf = (first: number, bytes = 4) =>
  create(QueryRequestSchema, { query: new Uint8Array(bytes).fill(first) });

test("a client that sends for ever to a handler that never answers is told so, and heard", async () => {
  const handler = new Stuck();
  const { address } = await serving(handler);
  let timestamp = 0;
  const client = connectClient(address);
  let raw: RawStream | undefined;
  const endless = async function* (): AsyncGenerator<UpdateBatch> {
    while (timestamp < 50_000) {
      yield batch(...numbers(100).map(() => update(++timestamp, 1000)));
      await until(() => (raw?.busy ?? 0) > timestamp - 10_000, "most of them are answered");
    }
    yield create(UpdateBatchSchema, { abandoned: [{ clientId: update(1).clientId, timestamp: 1n }] });
    await new Promise(() => undefined);
  };
  raw = newStream(client, endless());
  await until(() => raw.busy === 50_000 - 4096, "all but those that the handler has are busy", 30_000);
  expect(handler.started).toBe(4096);
  await until(() => handler.cancelled === 1, "the abandonment was heard");
  expect(raw.ended).toBe(false);
  await raw.close();
  await until(() => handler.cancelled === 4096, "the handler learnt that the client has gone");
}, 60_000);

test("streams of one connection, and calls on it, share what may be under way", async () => {
  const handler = new Stuck();
  const { address } = await serving(handler);
  const client = connectClient(address);
  const streams = numbers(20).map((clientId) => {
    const updates = numbers(1000).map((timestamp) =>
      create(ClientUpdateSchema, { clientId: BigInt(clientId), timestamp: BigInt(timestamp) }),
    );
    return newStream(client, forEver(batch(...updates)));
  });
  const busy = () => streams.reduce((sum, stream) => sum + stream.busy, 0);
  await until(() => busy() === 20_000 - 4096, "all but 4,096 are busy");
  expect(handler.started).toBe(4096);
  expect(await errorOf(client.clientUpdate(update(1)))).toMatchObject({ code: Code.ResourceExhausted });
  // Another connection has its own.
  const other = newStream(connectClient(address), forEver(batch(update(1))));
  await until(() => handler.started === 4097, "that of another connection");
  expect(other.busy).toBe(0);
  await streams[0]?.close();
  await until(() => handler.cancelled > 0, "there is room again");
  const call = new AbortController();
  const started = handler.started;
  const alone = errorOf(client.clientUpdate(update(2), { signal: call.signal }));
  await until(() => handler.started === started + 1, "a call of its own is under way");
  call.abort();
  await alone;
});

test("too many streams of one connection are refused", async () => {
  const { address } = await serving(new Stuck());
  const client = connectClient(address);
  const streams = numbers(maxUpdateStreams).map(() => newStream(client, forEver(batch(update(1)))));
  const last = newStream(client, forEver(batch(update(1))));
  await until(() => last.ended || streams.some(({ ended }) => ended), "one is refused");
  const refused = [last, ...streams].filter(({ ended }) => ended);
  expect(refused.map(({ error }) => ConnectError.from(error).code)).toEqual([Code.ResourceExhausted]);
});

test("with more in flight than the server takes, all are answered", async () => {
  const { address } = await serving(new Handler());
  const client = newClient();
  const calls = numbers(10_000).map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
  expect((await Promise.all(calls)).map(({ seq }) => Number(seq))).toEqual(numbers(10_000));
});

test("updates that were given up, many or large, do not keep later ones from being answered", async () => {
  const stuck = new Stuck();
  const handler = new Handler();
  const usual = handler.clientUpdate.bind(handler);
  handler.clientUpdate = (sent, signal) =>
    sent.timestamp < 1_000_000n ? stuck.clientUpdate(sent, signal) : usual(sent, signal);
  const { address } = await serving(handler);
  const client = newClient();
  let last = 1_000_000;
  for (const [count, bytes, room] of [
    [5000, 100, 4096],
    [8, 1024 * 1024, 7],
    [8, 1024 * 1024, 7],
  ] as const) {
    const abort = new AbortController();
    const before = stuck.started;
    const calls = numbers(count).map((timestamp) =>
      errorOf(client.clientUpdate(address, update(timestamp, bytes), abort.signal)),
    );
    await until(() => stuck.started === before + room, "as many as there is room for");
    expect((await client.status(address, never())).nodeId).toBe(3n);
    abort.abort();
    expect((await client.clientUpdate(address, update(++last), never())).seq).toBe(BigInt(last));
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: "cancelled" });
  }
  await until(() => stuck.cancelled === stuck.started, "the handler learnt it");
});

test.each([
  ["larger than the server takes", 100_000, 1024 * 1024],
  ["larger than the server reads", 2 * 1024 * 1024, 4 * 1024 * 1024],
])("an update %s is too large, and the others go on", async (_, maxRequestBytes, bytes) => {
  const handler = new Held();
  const { address } = await endpoints.start({ nodeId: 0, handler, transport: { maxRequestBytes } });
  for (const updates of ["stream", "unary"] as const) {
    const client = newClient({ updates, maxRequestBytes: 16 * 1024 * 1024 });
    const others = [1, 2].map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
    await until(() => handler.held.size === 2, "the others are under way");
    expect(await errorOf(client.clientUpdate(address, update(3, bytes), never()))).toMatchObject({
      name: "RequestError",
      code: "too_large",
      message: expect.stringContaining(`the update has ${bytes} bytes; `),
    });
    for (const answer of handler.held.values()) answer();
    expect((await Promise.all(others)).map(({ seq }) => seq)).toEqual([1n, 2n]);
    handler.held.clear();
  }
});

test.each([
  ["larger than the server takes", 100_000, 1024 * 1024],
  ["larger than the server reads", 2 * 1024 * 1024, 4 * 1024 * 1024],
])("a query %s is too large, and the others go on", async (_, maxRequestBytes, bytes) => {
  const handler = new HeldQueries();
  const { address } = await endpoints.start({ nodeId: 0, handler, transport: { maxRequestBytes } });
  for (const updates of ["stream", "unary"] as const) {
    const client = newClient({ updates, maxRequestBytes: 16 * 1024 * 1024 });
    const others = [1, 2].map((first) => client.query(address, queryOf(first), never()));
    await until(() => handler.held.length === 2, "the others are under way");
    expect(await errorOf(client.query(address, queryOf(3, bytes), never()))).toMatchObject({
      name: "RequestError",
      code: "too_large",
      message: expect.stringContaining(`the query has ${bytes} bytes; `),
    });
    for (const answer of handler.held.splice(0)) answer();
    expect((await Promise.all(others)).map(({ seq }) => seq)).toEqual([1n, 2n]);
  }
});

test("large queries travel beside the stream; when they are given up, the node learns it", async () => {
  const handler = new HeldQueries();
  const { address } = await serving(handler);
  const client = newClient();
  const abort = new AbortController();
  const given = errorOf(client.query(address, queryOf(1, 1024 * 1024), abort.signal));
  const kept = client.query(address, queryOf(2, 1024 * 1024), never());
  await until(() => handler.held.length === 2, "both are under way");
  abort.abort();
  expect(await given).toMatchObject({ code: "cancelled" });
  await until(() => handler.cancelled === 1, "the handler learnt it");
  for (const answer of handler.held) answer();
  expect((await kept).seq).toBe(2n);
});

test("queries on streams and as calls share what may be under way with updates", async () => {
  const handler = new HeldQueries();
  const { address } = await serving(handler);
  const client = connectClient(address);
  const queries = numbers(4000).map((id) => ({ id: BigInt(id), request: queryOf(1, 10) }));
  const stream = newStream(client, forEver(create(UpdateBatchSchema, { queries })));
  // Those that the handler is not asked yet count as well.
  await until(() => handler.held.length === 1024, "as many as are asked at a time");
  const updates = numbers(100).map((timestamp) => update(timestamp, 1));
  handler.clientUpdate = () => new Promise(() => undefined);
  const others = newStream(client, forEver(batch(...updates)));
  await until(() => others.busy === 4, "four updates too many");
  expect(await errorOf(client.query(queryOf(1)))).toMatchObject({ code: Code.ResourceExhausted });
  while (stream.queryAnswers.length < 4000) {
    for (const answer of handler.held.splice(0)) answer();
    await until(() => handler.held.length > 0 || stream.queryAnswers.length === 4000, "more of them");
  }
  expect(stream.queryAnswers.filter(({ outcome }) => outcome.case !== "response")).toEqual([]);
});

test("with more queries in flight than the server takes, all are answered", async () => {
  const { address } = await serving(new Handler());
  const client = newClient();
  const calls = numbers(10_000).map((size) =>
    client.query(address, queryOf(size % 256, size % 500), never()),
  );
  expect((await Promise.all(calls)).map(({ result }) => result.length)).toEqual(
    numbers(10_000).map((size) => size % 500),
  );
});

test("queries that nobody can serve are answered as invalid", async () => {
  const { address } = await serving(new Handler());
  const queries = [{ id: 5n }, { id: 6n, request: queryOf(1) }];
  const stream = newStream(connectClient(address), forEver(create(UpdateBatchSchema, { queries })));
  await until(() => stream.queryAnswers.length === 2, "both are answered");
  expect(stream.queryAnswers.toSorted((a, b) => Number(a.id - b.id))).toMatchObject([
    { id: 5n, outcome: { case: "failure", value: { code: FailureCode.INVALID } } },
    { id: 6n, outcome: { case: "response" } },
  ]);
});

test("a large update is answered with all that a small one is", async () => {
  const handler = new Held();
  const { address } = await serving(handler);
  const client = newClient();
  const call = client.clientUpdate(address, update(1, 1024 * 1024), never());
  await until(() => handler.held.size === 1, "it is under way");
  handler.held.get(1)?.();
  const { seq, leaderId } = await call;
  expect({ seq, leaderId }).toEqual({ seq: 1n, leaderId: 2n });
});

test("what a server says of a failure is one line of bounded length", async () => {
  const words = `\u001b[2J two\nlines ${"x".repeat(5000)}`;
  const { address } = await serving(new Failing(new RequestError("invalid", words)));
  const client = newClient();
  const calls = [client.clientUpdate(address, update(1), never()), client.status(address, never())];
  for (const error of await Promise.all(calls.map(errorOf))) {
    const { message } = error as Error;
    expect(message).toMatch(/^ \[2J two lines x{900,}$/);
    expect(message.length).toBeLessThanOrEqual(1000);
  }
});
