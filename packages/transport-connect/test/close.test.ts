import { create } from "@bufbuild/protobuf";
import { LogRequestSchema, LogResponseSchema, StatusResponseSchema, type LogResponse } from "@paxos/proto";
import type { ClientHandler } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { ConnectClientTransport } from "../src/index.js";
import { Endpoint, Endpoints, freePort, proposal, until } from "./endpoint.js";
import { Proxy } from "./proxy.js";

/** The network handles of this process that are open. */
const handles = (): number =>
  process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;

const endless: ClientHandler = {
  clientUpdate: () => new Promise(() => undefined),
  status: () => Promise.resolve(create(StatusResponseSchema)),
  async *log(_, signal): AsyncGenerator<LogResponse> {
    yield create(LogResponseSchema, { firstSeq: 1n });
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
};

test("close before start is fine, and nothing starts after it", async () => {
  const { transport } = new Endpoint({ nodeId: 0 });
  await transport.close();
  await transport.close();
  const late = new Endpoint({ nodeId: 0 });
  await late.transport.close();
  await expect(late.start()).rejects.toThrow("the transport is closed");
});

test("close while it starts leaves nothing open", async () => {
  const before = handles();
  const endpoint = new Endpoint({ nodeId: 0, peers: [{ nodeId: 1, address: "127.0.0.1:9" }] });
  const starting = endpoint.start();
  const closing = endpoint.transport.close();
  await expect(starting).rejects.toThrow("closed while it started");
  await closing;
  await until(() => handles() <= before, "no handle is left");
});

test("start and serve want their order", async () => {
  const endpoint = new Endpoint({ nodeId: 0 });
  await endpoint.start();
  await expect(endpoint.start()).rejects.toThrow("started before");
  expect(() => endpoint.transport.serve(endless)).toThrow("before start");
  await endpoint.transport.close();
});

test("concurrent closes, with peers connected and streams and calls open, end within a second", async () => {
  const before = handles();
  const endpoints = new Endpoints();
  const address = `127.0.0.1:${await freePort()}`;
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }], handler: endless });
  const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => zero.connected.length === 1 && one.connected.length === 1, "connected");
  const client = new ConnectClientTransport();
  const { signal } = new AbortController();
  const stream = client
    .log(zero.address, create(LogRequestSchema, { follow: true }), signal)
    [Symbol.asyncIterator]();
  await stream.next();
  const rest = stream.next().catch((error: unknown) => error);
  const told = zero.disconnected.length;

  const start = performance.now();
  await Promise.all([zero.transport.close(), one.transport.close(), zero.transport.close()]);
  expect(performance.now() - start).toBeLessThan(1000);
  expect(await rest).toMatchObject({ name: "RequestError", code: "unavailable" });
  // Its own end is not a loss that it tells.
  expect(zero.disconnected).toHaveLength(told);
  await Promise.all([client.close(), client.close()]);
  await until(() => handles() <= before, "no handle is left");
});

test("close ends within a second with a peer that stalls in the middle of much data", async () => {
  const before = handles();
  const endpoints = new Endpoints();
  const address = `127.0.0.1:${await freePort()}`;
  const proxy = new Proxy();
  const viaProxy = await proxy.start(Number(address.split(":")[1]));
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: viaProxy }] });
  await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => zero.connected.length === 1, "connected");
  proxy.silence();
  for (let seq = 1; seq <= 300; seq++) zero.transport.send(proposal(1, seq, 100_000));
  await new Promise((resolve) => setImmediate(resolve));
  const start = performance.now();
  await zero.transport.close();
  expect(performance.now() - start).toBeLessThan(1000);
  await Promise.all([endpoints.close(), proxy.close()]);
  await until(() => handles() <= before, "no handle is left");
});

test("after close messages are dropped and counted", async () => {
  const endpoint = new Endpoint({ nodeId: 0, peers: [{ nodeId: 1, address: "127.0.0.1:9" }] });
  await endpoint.start();
  await endpoint.transport.close();
  endpoint.transport.send(proposal(1, 1, 10));
  expect(endpoint.counter("dropped_not_sendable")).toBe(1);
  expect(endpoint.transport.address).toBeUndefined();
});
