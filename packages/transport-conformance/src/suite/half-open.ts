import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { CallsUnderWay } from "./calls-under-way.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { Waiting } from "./handlers.js";
import { accept, hello, numbers, proposal, update } from "./messages.js";
import { openStream, streamKinds } from "./streams.js";
import { describeSubject } from "./subject.js";
import { errorOf, until } from "./until.js";

const quick = { keepAlive: { intervalMs: 50, timeoutMs: 200 }, connectTimeoutMs: 300 };

/** That silence is noticed, by whoever waits, and not seen where there is none. */
export function describeHalfOpen(adapter: TransportAdapter): void {
  describeSubject("half-open connections", adapter, (endpoints) => {
    testPeers(endpoints);
    testHandshakes(endpoints);
    testClients(endpoints, Object.keys(adapter.clients));
  });
}

function testPeers(endpoints: Endpoints): void {
  test("a connection that falls silent is dead within about three seconds by default, and comes back; an idle one is not", async () => {
    const { zero, one, relay } = await endpoints.relayedPair({ keepAlive: {} });
    const idle = await endpoints.relayedPair({ keepAlive: { intervalMs: 20, timeoutMs: 200 } });
    const [before, idleBefore] = [zero.disconnected.length, idle.zero.disconnected.length];
    relay.silence();
    const start = performance.now();
    await until(() => zero.disconnected.length > before, "the loss was noticed");
    // The margin is for machines that are busy with other things.
    expect(performance.now() - start).toBeLessThan(4500);
    expect(zero.disconnected.at(-1)?.reason).toMatch(/no answer to a ping within 2000 ms/);
    expect(idle.zero.disconnected).toHaveLength(idleBefore);
    idle.relay.silence();
    relay.resume();
    await until(() => zero.connected.length === 2, "connected again");
    zero.transport.send(accept(1, 1));
    await until(() => one.received.length > 0, "arrived");
    expect(zero.disconnected).toHaveLength(before + 1);
    await until(() => idle.zero.disconnected.length > idleBefore, "the other silence was noticed as well");
  });

  test.each(["there", "back"] as const)("silence in one direction is noticed too: %s", async (direction) => {
    const { zero, one, relay } = await endpoints.relayedPair(quick);
    const before = zero.disconnected.length;
    relay.silence(direction);
    await until(() => zero.disconnected.length > before, "the loss was noticed");
    relay.resume();
    await until(() => zero.connected.length === 2, "connected again");
    zero.transport.send(accept(1, 1));
    await until(() => one.received.length > 0, "arrived");
  });

  test("a connection that falls silent with much under way is given up as well", async () => {
    const { zero, relay } = await endpoints.relayedPair(quick);
    const before = zero.disconnected.length;
    relay.silence();
    for (const seq of numbers(200)) zero.transport.send(proposal(1, seq, 100_000));
    await until(() => zero.disconnected.length > before, "the loss was noticed");
    expect(zero.disconnected).toHaveLength(before + 1);
  });

  test("a stall of the own event loop is not taken for a dead peer", async () => {
    const [zero, one] = await endpoints.pair({ keepAlive: { intervalMs: 20, timeoutMs: 100 } });
    const losses = zero.disconnected.length + one.disconnected.length;
    for (const round of numbers(5)) {
      const end = performance.now() + 250;
      while (performance.now() < end);
      const received = one.received.length;
      zero.transport.send(accept(1, round));
      await until(() => one.received.length > received, "arrived");
    }
    expect(zero.disconnected.length + one.disconnected.length).toBe(losses);
  });
}

function testHandshakes(endpoints: Endpoints): void {
  test("a callee that accepts and stays silent is given up, tried again, and told once", async () => {
    const one = await endpoints.start({ nodeId: 1, peers: [{ nodeId: 0, address: nowhere }] });
    const relay = await endpoints.relay(one.address);
    relay.silence();
    const peers = [{ nodeId: 1, address: relay.address }];
    const zero = await endpoints.start({ nodeId: 0, peers, transport: quick });
    await until(() => relay.calls > 3, "tried again and again");
    expect(zero.disconnected).toHaveLength(1);
    expect(zero.disconnected[0]?.reason).toMatch(
      /no handshake within 300 ms|no answer to a ping within 200 ms/,
    );
    expect(zero.connected).toHaveLength(0);
    relay.resume();
    await until(() => zero.connected.length === 1, "connected");
    expect(zero.disconnected).toHaveLength(1);
  });

  test("a caller that connects and says nothing is cut off", async () => {
    const zero = await endpoints.start({ nodeId: 0, transport: quick });
    const caller = endpoints.rawCaller(zero.address);
    await until(() => caller.ended, "the connection was closed");
    expect(caller.answers.filter(({ hello: greeting }) => greeting !== undefined)).toEqual([]);
  });

  test("a callee that is admitted and goes without a word is found out", async () => {
    const callee = await endpoints.rawCallee(hello({ nodeId: 1n, to: 0n }));
    const relay = await endpoints.relay(callee.address);
    const peers = [{ nodeId: 1, address: relay.address }];
    const zero = await endpoints.start({ nodeId: 0, peers, transport: quick });
    await until(() => zero.connected.length >= 1, "connected");
    relay.silence();
    const before = zero.disconnected.length;
    await until(() => zero.disconnected.length > before, "the loss was noticed");
  });
}

function testClients(endpoints: Endpoints, kinds: readonly string[]): void {
  describe.each(kinds)("of clients (%s)", (kind) => {
    test("a server that falls silent holds no call for ever, deadline or not", async () => {
      const server = await endpoints.serving(new Waiting());
      const relay = await endpoints.relay(server.address);
      const client = endpoints.client(kind, { keepAlive: { intervalMs: 50, timeoutMs: 100 } });
      const { signal } = new AbortController();
      await client.status(relay.address, signal);
      relay.silence();
      const calls = [
        client.clientUpdate(relay.address, update(1), signal),
        client.status(relay.address, signal),
        client.takeSnapshot(relay.address, signal),
        ...streamKinds.map((stream) => openStream(stream, client, relay.address, signal).next()),
      ];
      for (const error of await Promise.all(calls.map(errorOf))) {
        expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
      }
    });

    test("a client that falls silent is noticed by the server, which aborts what it asked for", async () => {
      const handler = new Waiting();
      const server = await endpoints.serving(handler, quick);
      const relay = await endpoints.relay(server.address);
      const client = endpoints.client(kind);
      const calls = await CallsUnderWay.start(handler, client, relay.address);
      relay.silence();
      await calls.givenUp();
      await relay.close();
      for (const error of await calls.errors)
        expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    });
  });
}
