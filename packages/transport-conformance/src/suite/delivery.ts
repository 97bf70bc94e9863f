import { toBinary } from "@bufbuild/protobuf";
import { MessageSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { accept, numbers, proposal, seqsOf } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

/** That messages arrive; in which order is nobody's promise. */
export function describeDelivery(adapter: TransportAdapter): void {
  describeSubject("delivery", adapter, (endpoints) => {
    testArrival(endpoints);
    testPeersThatComeAndGo(endpoints);
    testAddresses(endpoints);
  });
}

function testArrival(endpoints: Endpoints): void {
  test("messages arrive on both sides, unchanged, with their sender", async () => {
    const [zero, one] = await endpoints.pair();
    const there = proposal(1, 3, 1000);
    const back = accept(0, 3);
    zero.transport.send(there);
    one.transport.send(back);
    await until(() => one.received.length === 1 && zero.received.length === 1, "both arrived");
    expect(one.received[0]?.from).toBe(0);
    expect(zero.received[0]?.from).toBe(1);
    expect(toBinary(MessageSchema, one.received[0]!.message)).toEqual(toBinary(MessageSchema, there));
    expect(toBinary(MessageSchema, zero.received[0]!.message)).toEqual(toBinary(MessageSchema, back));
  });

  test("bursts arrive complete, both ways at once", async () => {
    const [zero, one] = await endpoints.pair();
    for (const seq of numbers(10_000)) zero.transport.send(accept(1, seq));
    for (const seq of numbers(2000)) one.transport.send(accept(0, seq));
    await until(() => one.received.length >= 10_000 && zero.received.length >= 2000, "all arrived");
    expect(seqsOf(one, "accept")).toEqual(numbers(10_000));
    expect(seqsOf(zero, "accept")).toEqual(numbers(2000));
  });

  test("a node may send from within onMessage, to and fro", async () => {
    const address = await endpoints.freeAddress();
    const zero = await endpoints.start({
      nodeId: 0,
      peers: [{ nodeId: 1, address }],
      onMessage: () => zero.received.length < 100 && zero.transport.send(accept(1, zero.received.length)),
    });
    const one = await endpoints.start({
      nodeId: 1,
      address,
      peers: [{ nodeId: 0, address: zero.address }],
      onMessage: () => one.transport.send(accept(0, one.received.length)),
    });
    await until(() => zero.connected.length > 0 && one.connected.length > 0, "both connected");
    zero.transport.send(accept(1, 0));
    await until(() => zero.received.length === 100, "a hundred came back");
    expect(seqsOf(zero, "accept")).toEqual(numbers(100));
  });

  test("a large message arrives; one above the limit is dropped by the sender, and said", async () => {
    const [zero, one] = await endpoints.pair();
    zero.transport.send(proposal(1, 1, 17 * 1024 * 1024));
    zero.transport.send(proposal(1, 2, 33 * 1024 * 1024));
    zero.transport.send(accept(1, 3));
    await until(() => one.received.length === 2, "the large and the small one arrived");
    expect(seqsOf(one, "proposal")).toEqual([1]);
    expect(seqsOf(one, "accept")).toEqual([3]);
    expect(zero.counter("dropped_too_large")).toBe(1);
    expect(zero.warnings.join()).toMatch(
      /dropped a message \(proposal\) of \d+ bytes to node 1: the limit is 33554432/,
    );
  });

  test("a message to nobody, and one before start, are dropped and counted", async () => {
    const zero = endpoints.idle({ nodeId: 0 });
    zero.transport.send(accept(1, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(1);
    await zero.start();
    zero.transport.send(accept(4, 1));
    zero.transport.send(accept(0, 1));
    expect(zero.counter("dropped_not_sendable")).toBe(3);
  });
}

function testPeersThatComeAndGo(endpoints: Endpoints): void {
  test("what is sent just before the peer is up arrives once it is", async () => {
    const address = await endpoints.freeAddress();
    const peers = [{ nodeId: 1, address }];
    const zero = await endpoints.start({ nodeId: 0, peers, transport: { keepUnsentMs: 30_000 } });
    zero.transport.send(accept(1, 1));
    await until(() => zero.disconnected.length === 1, "the first failure was told");
    const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
    await until(() => one.received.length === 1, "arrived");
    expect(zero.disconnected).toHaveLength(1);
    expect(zero.disconnected[0]?.peer).toEqual({ nodeId: 1, address });
  });

  test("a peer that is away for long finds no old messages waiting, and new ones arrive", async () => {
    const address = await endpoints.freeAddress();
    const peers = [{ nodeId: 1, address }];
    const zero = await endpoints.start({ nodeId: 0, peers, transport: { keepUnsentMs: 0 } });
    zero.transport.send(accept(1, 1));
    await until(() => zero.disconnected.length === 1, "the first failure was told");
    zero.transport.send(accept(1, 2));
    const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
    await until(() => zero.connected.length === 1, "connected");
    zero.transport.send(accept(1, 3));
    await until(() => one.received.length > 0, "arrived");
    expect(seqsOf(one, "accept")).toEqual([3]);
    expect(zero.counter("dropped_disconnected")).toBe(2);
  });

  test("a peer that restarts on its port is found again, twice; each loss is told once", async () => {
    const [zero, one] = await endpoints.pair();
    const { address } = one;
    const before = zero.disconnected.length;
    let current = one;
    for (const restart of numbers(2)) {
      await current.transport.close();
      await until(() => zero.disconnected.length > before + restart - 1, "the loss was told");
      const peers = [{ nodeId: 0, address: zero.address }];
      current = await endpoints.start({ nodeId: 1, address, peers });
      await until(() => zero.connected.length === restart + 1, "connected again");
      zero.transport.send(accept(1, restart));
      await until(() => current.received.length === 1, "arrived");
      expect(zero.disconnected).toHaveLength(before + restart);
    }
    expect(zero.connected.at(-1)).toEqual({ nodeId: 1, address });
  });

  test("a dead and a stalled peer delay nobody else, and cost bounded memory", async () => {
    const transport = {
      // What the dead peer does not get is counted elsewhere.
      keepUnsentMs: 0,
      lanes: { control: { maxBytes: 1024 * 1024, maxMessages: 1000 } },
    };
    const back = [{ nodeId: 0, address: await endpoints.freeAddress() }];
    const stalled = await endpoints.start({ nodeId: 2, peers: back, transport });
    const live = await endpoints.start({ nodeId: 3, peers: back, transport });
    const relay = await endpoints.relay(stalled.address);
    const peers = [
      { nodeId: 1, address: nowhere },
      { nodeId: 2, address: relay.address },
      { nodeId: 3, address: live.address },
    ];
    const zero = await endpoints.start({ nodeId: 0, address: back[0]!.address, peers, transport });
    await until(() => zero.connected.length === 2, "both that live are connected");
    relay.silence();
    for (const seq of numbers(400)) {
      for (const { nodeId } of peers) zero.transport.send(proposal(nodeId, seq, 100_000));
      if (seq % 5 === 0) await until(() => live.received.length === seq, `${seq} arrived`);
    }
    expect(seqsOf(live, "proposal")).toEqual(numbers(400));
    // 40 MB went to the stalled peer: what neither the lane nor the network holds was dropped, not kept.
    expect(zero.counter("dropped_control_full")).toBeGreaterThan(0);
  });
}

function testAddresses(endpoints: Endpoints): void {
  test("port 0 is replaced by the port that was chosen", async () => {
    const zero = await endpoints.start({ nodeId: 0 });
    const one = await endpoints.start({ nodeId: 1 });
    expect(zero.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(one.address).not.toBe(zero.address);
  });

  test("an IPv6 address works, in brackets", async () => {
    const peers = [{ nodeId: 1, address: nowhere }];
    const zero = await endpoints.start({ nodeId: 0, address: "[::1]:0", peers });
    expect(zero.address).toMatch(/^\[::1\]:[1-9]\d*$/);
    const one = await endpoints.start({ nodeId: 1, peers: [{ nodeId: 0, address: zero.address }] });
    one.transport.send(accept(0, 1));
    await until(() => zero.received.length === 1, "arrived");
    expect(zero.received[0]?.from).toBe(1);
  });

  test("a port in use makes start fail, and says so", async () => {
    const zero = await endpoints.start({ nodeId: 0 });
    await expect(endpoints.start({ nodeId: 1, address: zero.address })).rejects.toMatchObject({
      name: "ListenError",
      code: "EADDRINUSE",
      message: `cannot listen on ${zero.address}: the port is in use; stop the program that listens on it, or choose another port`,
    });
  });

  test("a malformed address makes start fail, and is quoted", async () => {
    await expect(endpoints.start({ nodeId: 0, address: "nonsense" })).rejects.toMatchObject({
      name: "ConfigError",
      message: expect.stringMatching(/^"nonsense" is no address: give host:port/),
    });
    const peers = [{ nodeId: 1, address: "::1:23" }];
    await expect(endpoints.start({ nodeId: 0, peers })).rejects.toMatchObject({
      name: "ConfigError",
      message: expect.stringMatching(/^"::1:23" is no address/),
    });
  });
}
