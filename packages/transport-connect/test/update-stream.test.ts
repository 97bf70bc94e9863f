import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { RequestError } from "@paxos/core";
import { GloballyOrderedUpdateSchema } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { until } from "./endpoint.js";
import { errorOf, Failing, Handler, Held, Stuck, update } from "./handlers.js";
import { batch, connectClient, grpcClient } from "./raw-stream.js";
import { endpoints, never, newClient, newProxy, newStream, numbers, serving } from "./update-resources.js";

/** Waits until a number has stopped growing. */
async function settled(value: () => number): Promise<number> {
  let last = value();
  for (let calm = 0; calm < 100; calm++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (value() === last) continue;
    last = value();
    calm = 0;
  }
  return last;
}

describe.each(["connect", "grpc"] as const)("over %s", (protocol) => {
  test("many in flight are answered out of order, and one slow update delays nobody", async () => {
    const handler = new Held();
    const { address } = await serving(handler);
    const client = newClient({ protocol });
    const signal = never();
    const done: number[] = [];
    const calls = numbers(1000).map(async (timestamp) => {
      const { seq } = await client.clientUpdate(address, update(timestamp), signal);
      expect(seq).toBe(BigInt(timestamp));
      done.push(timestamp);
    });
    await until(() => handler.held.size === 1000, "all are with the handler");
    for (const timestamp of numbers(1000).reverse()) if (timestamp !== 500) handler.held.get(timestamp)?.();
    await until(() => done.length === 999, "all but the slow one are answered");
    expect(done[0]).toBe(1000);
    handler.held.get(500)?.();
    await Promise.all(calls);
    expect(done.at(-1)).toBe(500);
  });

  test("answers name the leader", async () => {
    const handler = new Held();
    const { address } = await serving(handler);
    const call = newClient({ protocol }).clientUpdate(address, update(1), never());
    await until(() => handler.held.size === 1, "it is with the handler");
    handler.held.get(1)?.();
    expect((await call).leaderId).toBe(2n);
  });
});

test("one of many that is given up reaches its handler's signal, and no other", async () => {
  const handler = new Held();
  const { address } = await serving(handler);
  const client = newClient();
  const controller = new AbortController();
  const kept = client.clientUpdate(address, update(1), never());
  const given = errorOf(client.clientUpdate(address, update(2), controller.signal));
  await until(() => handler.held.size === 2, "both are with the handler");
  controller.abort();
  expect(await given).toMatchObject({ name: "RequestError", code: "cancelled" });
  await until(() => handler.cancelled === 1, "the handler learnt it");
  handler.held.get(1)?.();
  expect((await kept).seq).toBe(1n);
  expect(handler.cancelled).toBe(1);
});

test("a stream that is lost with updates under way fails them all; the next call has a new one", async () => {
  const handler = new Stuck();
  const server = await serving(handler);
  const proxy = newProxy();
  const address = await proxy.start(server.port);
  const client = newClient();
  const calls = numbers(50).map((timestamp) =>
    errorOf(client.clientUpdate(address, update(timestamp), never())),
  );
  await until(() => handler.started === 50, "all are with the handler");
  proxy.cut();
  for (const error of await Promise.all(calls)) {
    expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    expect((error as Error).message).toMatch(
      /^no answer from 127\.0\.0\.1:\d+: .*; try another server, or again later$/,
    );
  }
  await until(() => handler.cancelled === 50, "the handler learnt it");
  const again = errorOf(client.clientUpdate(address, update(51), AbortSignal.timeout(20_000)));
  await until(() => handler.started === 51, "the call after the loss arrived");
  await client.close();
  expect(await again).toMatchObject({ code: "unavailable" });
});

test("a client that calls again in the very moment of the loss is not told of the old loss", async () => {
  const handler = new Stuck();
  const server = await serving(handler);
  const proxy = newProxy();
  const address = await proxy.start(server.port);
  const client = newClient();
  const again = errorOf(
    client
      .clientUpdate(address, update(1), never())
      .catch(() => client.clientUpdate(address, update(2), never())),
  );
  await until(() => handler.started === 1, "it is with the handler");
  proxy.cut();
  await until(() => handler.started === 2, "the second call arrived");
  await client.close();
  expect(await again).toMatchObject({ code: "unavailable" });
});

test.each(["stream", "unary"] as const)("close tells calls under way (%s)", async (updates) => {
  const handler = new Stuck();
  const { address } = await serving(handler);
  const client = newClient({ updates });
  const call = errorOf(client.clientUpdate(address, update(1), never()));
  await until(() => handler.started === 1, "it is with the handler");
  await client.close();
  expect(await call).toMatchObject({ name: "RequestError", code: "unavailable" });
  expect((await call) as Error).toHaveProperty(
    "message",
    `no answer from ${address}: the client transport was closed; try another server, or again later`,
  );
});

test("a client that does not read its answers is read from no more, until it does", async () => {
  let started = 0;
  const handler = new Handler();
  handler.clientUpdate = ({ timestamp }) => {
    started++;
    return Promise.resolve(
      create(GloballyOrderedUpdateSchema, { seq: timestamp, result: new Uint8Array(50_000) }),
    );
  };
  const server = await serving(handler);
  const proxy = newProxy();
  const total = 4000;
  const batches = numbers(total).map((timestamp) => batch(update(timestamp, 10)));
  const raw = newStream(connectClient(await proxy.start(server.port)), batches);
  raw.paused = true;
  const before = await settled(() => started);
  // 200 MB of answers would be there to take.
  expect(before).toBeLessThan(total);
  raw.paused = false;
  await until(() => raw.ended, "the stream has ended", 60_000);
  expect(raw.error).toBeUndefined();
  expect(raw.timestamps.sort((a, b) => a - b)).toEqual(numbers(total));
}, 90_000);

test.each([
  ["connect", connectClient],
  ["grpc", grpcClient],
] as const)(
  "a stream whose client has sent everything ends when all is answered (%s)",
  async (_, clientOf) => {
    const handler = new Held();
    const { address } = await serving(handler);
    const raw = newStream(clientOf(address), [batch(update(1), update(2)), batch(update(2), update(3))]);
    await until(() => handler.held.size === 3, "all are with the handler");
    handler.held.get(3)?.();
    await until(() => raw.timestamps.length === 1, "the first answer is there");
    expect(raw.ended).toBe(false);
    handler.held.get(1)?.();
    handler.held.get(2)?.();
    await until(() => raw.ended, "the stream has ended");
    expect(raw.error).toBeUndefined();
    expect(raw.timestamps.sort((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(raw.received.every(({ leaderId }) => leaderId === 2n)).toBe(true);
  },
);

test("an update that fails is answered with its reason, and the stream goes on", async () => {
  const failing = new Failing(new RequestError("busy", "the queue is full; try again later"));
  const { address } = await serving(failing);
  const raw = newStream(grpcClient(address), [batch(update(1)), batch(update(2))]);
  await until(() => raw.ended, "the stream has ended");
  expect(raw.received.flatMap(({ answers }) => answers)).toMatchObject(
    [1n, 2n].map((timestamp) => ({
      timestamp,
      seq: 0n,
      failure: { code: 1, detail: "the queue is full; try again later" },
    })),
  );
});

test("a batch above the limit ends its stream with the limit, and the node serves on", async () => {
  const { address } = await serving(new Handler());
  const raw = newStream(connectClient(address), [batch(update(1, 3 * 1024 * 1024))]);
  await until(() => raw.ended, "the stream has ended");
  expect(ConnectError.from(raw.error)).toMatchObject({ code: Code.ResourceExhausted });
  expect((await newClient().clientUpdate(address, update(2), never())).seq).toBe(2n);
});

test("a server with a small limit takes small updates in large batches, and refuses a large one by itself", async () => {
  const transport = { maxRequestBytes: 10_000 };
  const { address } = await endpoints.start({ nodeId: 0, handler: new Handler(), transport });
  const client = newClient();
  const small = numbers(500).map((timestamp) =>
    client.clientUpdate(address, update(timestamp, 1000), never()),
  );
  const large = errorOf(client.clientUpdate(address, update(501, 20_000), never()));
  expect(await large).toMatchObject({ name: "RequestError", code: "too_large" });
  expect((await Promise.all(small)).map(({ seq }) => Number(seq))).toEqual(numbers(500));
});
