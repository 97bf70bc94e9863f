import type { PeerAddress } from "@paxos/core";
import { expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoint, type Endpoints } from "./endpoints.js";
import { accept, hello, numbers, seqsOf } from "./messages.js";
import { describeSubject, openResources } from "./subject.js";
import { until } from "./until.js";

/** That the set of peers may change while a transport runs, and whose connections that ends. */
export function describeChangingPeers(adapter: TransportAdapter): void {
  describeSubject("peers that change", adapter, (endpoints) => {
    testComing(endpoints, adapter);
    testGoing(endpoints, adapter);
    testMoving(endpoints, adapter);
    testOrder(endpoints);
    testFromWithin(endpoints, adapter);
    testStrangers(endpoints);
  });
}

const peer = (nodeId: number, { address }: { readonly address: string }): PeerAddress => ({
  nodeId,
  address,
});

/** Sends a message and waits until it has arrived. */
async function reaches(from: Endpoint, to: Endpoint, nodeId: number, seq: number): Promise<void> {
  from.transport.send(accept(nodeId, seq));
  await until(() => seqsOf(to, "accept").includes(seq), `message ${seq} arrived`);
}

function testComing(endpoints: Endpoints, adapter: TransportAdapter): void {
  test("a peer that is added is connected to, and gets messages", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const two = await endpoints.start({ nodeId: 2 });
    const zero = await endpoints.start({ nodeId: 0, peers: [peer(1, one)] });
    await until(() => zero.connected.length === 1, "connected to the first");
    zero.transport.setPeers([peer(1, one), peer(2, two)]);
    await until(() => zero.connected.length === 2, "connected to the other");
    expect(zero.connected).toEqual([peer(1, one), peer(2, two)]);
    await reaches(zero, two, 2, 1);
    await reaches(zero, one, 1, 2);
    expect(zero.disconnected).toEqual([]);
  });

  test("what is sent to it before it is connected waits for that", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const zero = await endpoints.start({ nodeId: 0, transport: { keepUnsentMs: 30_000 } });
    zero.transport.setPeers([peer(1, one)]);
    await reaches(zero, one, 1, 1);
    expect(zero.connected).toEqual([peer(1, one)]);
  });

  test("a malformed address leaves that peer out, is warned of seldom, and disturbs no other", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const two = await endpoints.start({ nodeId: 2 });
    const zero = await endpoints.start({ nodeId: 0, peers: [peer(1, one)] });
    await until(() => zero.connected.length === 1, "connected");
    const open = openResources(adapter);
    for (const _ of numbers(20)) {
      zero.transport.setPeers([{ nodeId: 1, address: "nonsense" }, peer(2, two)]);
    }
    await until(() => zero.connected.length === 2, "connected to the other");
    expect(zero.connected[1]).toEqual(peer(2, two));
    await until(() => openResources(adapter) <= open, "the connection to the first was closed");
    expect(zero.warnings.join()).toMatch(/node 1 .*"nonsense" is no address/);
    // At most one in ten seconds; the machine may be slow.
    expect(zero.warnings.length).toBeLessThan(10);
    zero.transport.send(accept(1, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    expect(zero.disconnected).toEqual([]);
  });
}

function testGoing(endpoints: Endpoints, adapter: TransportAdapter): void {
  test("a peer that is taken away: its connection is closed, and messages for it are dropped and counted", async () => {
    const callee = await endpoints.rawCallee(hello({ nodeId: 1n, to: 0n }));
    const way = await endpoints.relay(callee.address);
    const two = await endpoints.start({ nodeId: 2 });
    const zero = await endpoints.start({ nodeId: 0, peers: [peer(2, two)] });
    await until(() => zero.connected.length === 1, "connected to the one that stays");
    const before = openResources(adapter);
    zero.transport.setPeers([peer(1, way), peer(2, two)]);
    await until(() => zero.connected.length === 2, "connected to the other");
    zero.transport.setPeers([peer(2, two)]);
    zero.transport.send(accept(1, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    await until(() => openResources(adapter) <= before, "its connection was closed");
    await reaches(zero, two, 2, 2);
    expect(callee.heard.flatMap(({ messages }) => messages)).toEqual([]);
    expect(way.calls).toBe(1);
    // It was closed on purpose.
    expect(zero.disconnected).toEqual([]);
  });

  test("a peer that is dialled in vain is dialled no more, and what waited for it is counted", async () => {
    const address = await endpoints.freeAddress();
    const transport = { keepUnsentMs: 30_000 };
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }], transport });
    await until(() => zero.disconnected.length === 1, "the first failure was told");
    for (const seq of numbers(3)) zero.transport.send(accept(1, seq));
    zero.transport.setPeers([]);
    expect(zero.counter("dropped_not_sendable")).toBe(3);
    const one = await endpoints.start({ nodeId: 1, address, peers: [peer(0, zero)] });
    await until(() => one.connected.length === 1, "the other way is made");
    // Had it been asked for, the connection would be made at once when the peer is heard.
    await reaches(one, zero, 0, 1);
    expect(zero.connected).toEqual([]);
  });

  test("a peer that comes back is connected to anew", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const zero = await endpoints.start({ nodeId: 0, peers: [peer(1, one)] });
    for (const time of numbers(3)) {
      await until(() => zero.connected.length === time, "connected");
      await reaches(zero, one, 1, time);
      zero.transport.setPeers([]);
      zero.transport.setPeers([peer(1, one)]);
    }
    await until(() => zero.connected.length === 4, "connected");
    expect(zero.disconnected).toEqual([]);
  });
}

function testMoving(endpoints: Endpoints, adapter: TransportAdapter): void {
  test("a new address is dialled and the old connection closed; the others keep theirs", async () => {
    // Both say that they are node 1.
    const old = await endpoints.rawCallee(hello({ nodeId: 1n, to: 0n }));
    const one = await endpoints.rawCallee(hello({ nodeId: 1n, to: 0n }));
    const two = await endpoints.start({ nodeId: 2 });
    const way = await endpoints.relay(two.address);
    const zero = await endpoints.start({ nodeId: 0, peers: [peer(1, old), peer(2, way)] });
    await until(() => zero.connected.length === 2, "connected to both");
    const before = openResources(adapter);
    zero.transport.setPeers([peer(2, way), peer(1, one)]);
    await until(() => zero.connected.length === 3, "connected to the new address");
    expect(zero.connected[2]).toEqual(peer(1, one));
    await until(() => openResources(adapter) <= before, "the old connection was closed");
    zero.transport.send(accept(1, 1));
    await until(() => one.heard.some(({ messages }) => messages.length > 0), "it arrived there");
    await reaches(zero, two, 2, 2);
    expect(old.heard.flatMap(({ messages }) => messages)).toEqual([]);
    expect(way.calls).toBe(1);
    expect(zero.disconnected).toEqual([]);
  });

  test("a refusal is told with the address of the moment", async () => {
    const one = await endpoints.start({ nodeId: 1, admit: () => ({ reason: "node", detail: "not you" }) });
    const way = await endpoints.relay(one.address);
    const zero = await endpoints.start({ nodeId: 0, peers: [peer(1, one)] });
    await until(() => zero.refused.length === 1, "refused");
    zero.transport.setPeers([peer(1, way)]);
    await until(() => zero.refused.length === 2, "refused there as well");
    expect(zero.refused.map((refused) => refused.peer)).toEqual([peer(1, one), peer(1, way)]);
  });
}

function testOrder(endpoints: Endpoints): void {
  test("peers that are set while it starts take the place of those it was started with", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const zero = endpoints.idle({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    const starting = zero.start();
    zero.transport.setPeers([]);
    zero.transport.setPeers([peer(1, one), { nodeId: 2, address: "nonsense" }]);
    await starting;
    await until(() => zero.connected.length === 1, "connected");
    expect(zero.connected).toEqual([peer(1, one)]);
    expect(zero.disconnected).toEqual([]);
    expect(zero.warnings.join()).toMatch(/"nonsense" is no address/);
  });

  test("before start and after close nobody is dialled", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const way = await endpoints.relay(one.address);
    const idle = endpoints.idle({ nodeId: 2 });
    idle.transport.setPeers([peer(1, way)]);
    const zero = await endpoints.start({ nodeId: 0 });
    await zero.transport.close();
    zero.transport.setPeers([peer(1, way)]);
    zero.transport.send(accept(1, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    const other = await endpoints.start({ nodeId: 3, peers: [peer(1, one)] });
    await until(() => other.connected.length === 1, "whoever dials is connected by now");
    expect(way.calls).toBe(0);
    expect([...zero.connected, ...zero.disconnected]).toEqual([]);
  });
}

function testFromWithin(endpoints: Endpoints, adapter: TransportAdapter): void {
  test("a peer that the node does without while it admits it is not told of", async () => {
    const one = await endpoints.start({ nodeId: 1 });
    const zero = await endpoints.start({
      nodeId: 0,
      admit: () => {
        zero.transport.setPeers([]);
        return undefined;
      },
    });
    const before = openResources(adapter);
    zero.transport.setPeers([peer(1, one)]);
    await until(() => openResources(adapter) > before, "it is dialled");
    await until(() => openResources(adapter) <= before, "the connection was closed");
    zero.transport.send(accept(1, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    expect([...zero.connected, ...zero.disconnected, ...zero.refused]).toEqual([]);
  });

  test("a peer that the node does without when it learns of its loss is dialled no more", async () => {
    const transport = { backOff: { minMs: 60_000, maxMs: 60_000 } };
    const told: number[] = [];
    const zero = await endpoints.start({
      nodeId: 0,
      transport,
      onDisconnected: ({ nodeId }) => {
        told.push(nodeId);
        zero.transport.setPeers([]);
      },
    });
    const before = openResources(adapter);
    zero.transport.setPeers([{ nodeId: 1, address: nowhere }]);
    await until(() => told.length === 1, "the failure was told");
    // Not even the pause before another attempt is left.
    await until(() => openResources(adapter) <= before, "nothing is left of it");
  });
}

function testStrangers(endpoints: Endpoints): void {
  test("a stranger that is admitted can deliver messages, and is not connected to", async () => {
    const asked: number[] = [];
    const zero = await endpoints.start({ nodeId: 0, admit: ({ nodeId }) => void asked.push(nodeId) });
    const nine = await endpoints.start({ nodeId: 9, peers: [peer(0, zero)] });
    await reaches(nine, zero, 0, 1);
    expect(zero.received[0]?.from).toBe(9);
    expect(asked).toEqual([9]);
    zero.transport.send(accept(9, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    expect(zero.connected).toEqual([]);
  });

  test("who was admitted stays so when it is no peer any more", async () => {
    const address = await endpoints.freeAddress();
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }] });
    const one = await endpoints.start({ nodeId: 1, address, peers: [peer(0, zero)] });
    await until(() => zero.connected.length === 1 && one.connected.length === 1, "connected");
    const losses = one.disconnected.length;
    await reaches(one, zero, 0, 1);
    zero.transport.setPeers([]);
    await reaches(one, zero, 0, 2);
    expect(one.connected).toHaveLength(1);
    expect(one.disconnected).toHaveLength(losses);
  });
}
