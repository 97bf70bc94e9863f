import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { CallsUnderWay } from "./calls-under-way.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { Handler, Waiting } from "./handlers.js";
import { accept, hello, numbers, proposal, update } from "./messages.js";
import { describeSubject, openResources } from "./subject.js";
import { errorOf, until } from "./until.js";

/** How long closing may take: less than it takes to find out that the other side has fallen silent. */
const soonMs = 1000;

/** That close ends everything, whatever is under way. That nothing is left open is checked after every test. */
export function describeClosing(adapter: TransportAdapter): void {
  describeSubject("closing", adapter, (endpoints) => {
    testOrder(endpoints, adapter);
    testUnderWay(endpoints, adapter, Object.keys(adapter.clients)[0] ?? "");
    describe.each(Object.keys(adapter.clients))("of clients (%s)", (kind) => {
      testClients(endpoints, kind);
    });
  });
}

async function expectEndsSoon(closing: Promise<unknown>): Promise<void> {
  const start = performance.now();
  await closing;
  expect(performance.now() - start).toBeLessThan(soonMs);
}

function testOrder(endpoints: Endpoints, adapter: TransportAdapter): void {
  test("close before start is fine, twice too, and nothing starts after it", async () => {
    const { transport } = endpoints.idle({ nodeId: 0 });
    await transport.close();
    await transport.close();
    const late = endpoints.idle({ nodeId: 0 });
    await late.transport.close();
    await expect(late.start()).rejects.toThrow("the transport is closed");
  });

  test("close while it starts leaves nothing open", async () => {
    const before = openResources(adapter);
    const endpoint = endpoints.idle({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    const starting = endpoint.start();
    const closing = endpoint.transport.close();
    await expect(starting).rejects.toThrow("closed while it started");
    await closing;
    await until(() => openResources(adapter) <= before, "nothing is left");
  });

  test("close after a start that failed leaves nothing open", async () => {
    const before = openResources(adapter);
    const zero = await endpoints.start({ nodeId: 0 });
    const one = endpoints.idle({ nodeId: 1, address: zero.address });
    await expect(one.start()).rejects.toMatchObject({ name: "ListenError" });
    await Promise.all([one.transport.close(), zero.transport.close()]);
    await until(() => openResources(adapter) <= before, "nothing is left");
  });

  test("start and serve want their order", async () => {
    const zero = await endpoints.start({ nodeId: 0 });
    await expect(zero.start()).rejects.toThrow("started before");
    expect(() => zero.transport.serve(new Handler())).toThrow("before start");
  });

  test("after close messages are dropped and counted, and the port is free again", async () => {
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    const { address } = zero;
    await zero.transport.close();
    zero.transport.send(accept(1, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    expect(zero.transport.address).toBeUndefined();
    expect((await endpoints.start({ nodeId: 0, address })).address).toBe(address);
  });
}

function testUnderWay(endpoints: Endpoints, adapter: TransportAdapter, kind: string): void {
  test("close ends the connections to peers that live on", async () => {
    const callee = await endpoints.rawCallee(hello({ nodeId: 1n, to: 0n }));
    const before = openResources(adapter);
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: callee.address }] });
    await until(() => zero.connected.length === 1, "connected");
    const caller = endpoints.rawCaller(zero.address);
    caller.say(hello());
    await until(() => caller.answers.length === 1, "admitted");
    await expectEndsSoon(zero.transport.close());
    await until(() => caller.ended && openResources(adapter) <= before, "nothing is left");
  });

  test("concurrent closes, with peers connected and streams and calls open, end soon", async () => {
    const address = await endpoints.freeAddress();
    const handler = new Waiting();
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }], handler });
    const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
    await until(() => zero.connected.length === 1 && one.connected.length === 1, "connected");
    const client = endpoints.client(kind);
    const calls = await CallsUnderWay.start(handler, client, zero.address);
    const told = zero.disconnected.length;

    await expectEndsSoon(
      Promise.all([zero.transport.close(), one.transport.close(), zero.transport.close()]),
    );
    for (const error of await calls.errors)
      expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    await calls.givenUp();
    // Its own end is not a loss that it tells.
    expect(zero.disconnected).toHaveLength(told);
  });

  test("close ends soon with a peer that stalls in the middle of much data", async () => {
    const { zero, relay } = await endpoints.relayedPair();
    relay.silence();
    for (const seq of numbers(300)) zero.transport.send(proposal(1, seq, 100_000));
    await new Promise((resolve) => setImmediate(resolve));
    await expectEndsSoon(zero.transport.close());
  });

  test("close ends soon while peers are dialled, shaken hands with, and refused", async () => {
    const one = await endpoints.start({ nodeId: 1, admit: () => ({ reason: "node", detail: "not you" }) });
    const silent = await endpoints.relay(one.address);
    silent.silence();
    const peers = [
      { nodeId: 1, address: one.address },
      { nodeId: 2, address: silent.address },
      { nodeId: 3, address: nowhere },
    ];
    // The pauses between attempts do not delay it either.
    const transport = { backOff: { minMs: 10_000, maxMs: 10_000 } };
    const zero = await endpoints.start({ nodeId: 0, peers, transport });
    await until(() => zero.refused.length === 1 && zero.disconnected.length >= 1, "attempts are under way");
    await expectEndsSoon(zero.transport.close());
  });
}

function testClients(endpoints: Endpoints, kind: string): void {
  test("a client's close ends its calls and its connections, soon, also twice", async () => {
    const handler = new Waiting();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const calls = await CallsUnderWay.start(handler, client, address);
    await expectEndsSoon(Promise.all([client.close(), client.close()]));
    for (const error of await calls.errors)
      expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    await calls.givenUp();
  });

  test("a client's close ends soon with a server that has fallen silent", async () => {
    const { address } = await endpoints.serving(new Waiting());
    const relay = await endpoints.relay(address);
    const client = endpoints.client(kind);
    const { signal } = new AbortController();
    await client.status(relay.address, signal);
    relay.silence();
    const call = errorOf(client.clientUpdate(relay.address, update(1, 1_000_000), signal));
    await new Promise((resolve) => setImmediate(resolve));
    await expectEndsSoon(client.close());
    expect(await call).toMatchObject({ name: "RequestError", code: "unavailable" });
  });
}
