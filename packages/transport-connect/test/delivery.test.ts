import { toBinary } from "@bufbuild/protobuf";
import { MessageSchema } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { accept, catchUpAnswer, Endpoint, Endpoints, freePort, proposal, seqsOf, until } from "./endpoint.js";
import { Proxy } from "./proxy.js";

const endpoints = new Endpoints();
const proxies: Proxy[] = [];
afterEach(async () => {
  await endpoints.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

async function relay(port: number): Promise<{ proxy: Proxy; address: string }> {
  const proxy = new Proxy();
  proxies.push(proxy);
  return { proxy, address: await proxy.start(port) };
}

/** Silence is part of these tests and must not be taken for death. */
const patient = { keepAlive: { intervalMs: 60_000, timeoutMs: 60_000 } };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

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

test("port 0 is replaced by the port that was chosen", async () => {
  const endpoint = await endpoints.start({ nodeId: 0 });
  expect(endpoint.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
});

test("an IPv6 address works, in brackets", async () => {
  const zero = await endpoints.start({
    nodeId: 0,
    address: "[::1]:0",
    peers: [{ nodeId: 1, address: "127.0.0.1:9" }],
  });
  expect(zero.address).toMatch(/^\[::1\]:[1-9]\d*$/);
  const one = await endpoints.start({ nodeId: 1, peers: [{ nodeId: 0, address: zero.address }] });
  one.transport.send(accept(0, 1));
  await until(() => zero.received.length === 1, "arrived");
});

test("what is sent just before the peer is up arrives once it is", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const zero = await endpoints.start({
    nodeId: 0,
    peers: [{ nodeId: 1, address }],
    transport: { keepUnsentMs: 30_000 },
  });
  zero.transport.send(accept(1, 1));
  await until(() => zero.disconnected.length === 1, "the first failure was told");
  const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => one.received.length === 1, "arrived");
});

test("a peer that is away for long finds no old messages waiting, and new ones arrive", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const zero = await endpoints.start({
    nodeId: 0,
    peers: [{ nodeId: 1, address }],
    transport: { keepUnsentMs: 0 },
  });
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

test("a peer that restarts on its port is found again; the loss is told once", async () => {
  const [zero, one] = await endpoints.pair();
  const { address } = one;
  const before = zero.disconnected.length;
  await one.transport.close();
  await until(() => zero.disconnected.length > before, "the loss was told");
  const again = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => zero.connected.length === 2, "connected again");
  zero.transport.send(accept(1, 8));
  await until(() => again.received.length === 1, "arrived");
  expect(zero.disconnected).toHaveLength(before + 1);
});

test("a dead and a stalled peer delay nobody else", async () => {
  const transport = { ...patient, lanes: { control: { maxBytes: 1024 * 1024, maxMessages: 1000 } } };
  const dead = `127.0.0.1:${await freePort()}`;
  const stalledAddress = `127.0.0.1:${await freePort()}`;
  const liveAddress = `127.0.0.1:${await freePort()}`;
  const { proxy, address: viaProxy } = await relay(Number(stalledAddress.split(":")[1]));
  const peers = [
    { nodeId: 1, address: dead },
    { nodeId: 2, address: viaProxy },
    { nodeId: 3, address: liveAddress },
  ];
  const zero = await endpoints.start({ nodeId: 0, peers, transport });
  const back = [{ nodeId: 0, address: zero.address }];
  await endpoints.start({ nodeId: 2, address: stalledAddress, peers: back, transport });
  const live = await endpoints.start({ nodeId: 3, address: liveAddress, peers: back, transport });
  await until(() => zero.connected.length === 2, "both that live are connected");
  proxy.silence();
  for (const seq of numbers(400)) {
    for (const { nodeId } of peers) zero.transport.send(proposal(nodeId, seq, 100_000));
    if (seq % 5 === 0) await until(() => live.received.length === seq, `${seq} arrived`);
  }
  expect(seqsOf(live, "proposal").sort((a, b) => a - b)).toEqual(numbers(400));
  // 40 MB went to the stalled peer: what neither the lane nor the windows hold was dropped, not kept.
  expect(zero.counter("dropped_control_full")).toBeGreaterThan(0);
});

test("bulk displaces no control message, and control leaves first", async () => {
  const transport = {
    ...patient,
    lanes: { bulk: { maxBytes: 300_000, maxMessages: 64 } },
    keepUnsentMs: 30_000,
  };
  const address = `127.0.0.1:${await freePort()}`;
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }], transport });
  for (const seq of numbers(10)) zero.transport.send(catchUpAnswer(1, seq, 100_000));
  for (const seq of numbers(2000)) zero.transport.send(accept(1, seq));
  expect(zero.counter("dropped_bulk_full")).toBe(8);
  expect(zero.counter("dropped_control_full")).toBe(0);
  const one = await endpoints.start({
    nodeId: 1,
    address,
    peers: [{ nodeId: 0, address: zero.address }],
    transport,
  });
  await until(() => one.received.length === 2002, "all that was queued arrived");
  expect(seqsOf(one, "accept").sort((a, b) => a - b)).toEqual(numbers(2000));
  expect(one.received.slice(0, 2000).every(({ message }) => message.type.case === "accept")).toBe(true);
});

test("a full lane drops the newest, and counts", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const transport = { lanes: { control: { maxBytes: 1_000_000, maxMessages: 3 } }, keepUnsentMs: 30_000 };
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }], transport });
  for (const seq of numbers(5)) zero.transport.send(accept(1, seq));
  expect(zero.counter("dropped_control_full")).toBe(2);
  const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => one.received.length === 3, "what was kept arrived");
  expect(seqsOf(one, "accept").sort((a, b) => a - b)).toEqual([1, 2, 3]);
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

test("a burst arrives complete", async () => {
  const [zero, one] = await endpoints.pair();
  for (const seq of numbers(20_000)) zero.transport.send(accept(1, seq));
  await until(() => one.received.length === 20_000, "all arrived");
  expect(new Set(seqsOf(one, "accept")).size).toBe(20_000);
});

test("a message to nobody, and one before start, are dropped and counted", async () => {
  const zero = new Endpoint({ nodeId: 0 });
  zero.transport.send(accept(1, 1));
  expect(zero.counter("dropped_not_sendable")).toBe(1);
  await zero.start();
  zero.transport.send(accept(4, 1));
  expect(zero.counter("dropped_not_sendable")).toBe(2);
  await zero.transport.close();
});

test("a port in use makes start fail, and says so", async () => {
  const zero = await endpoints.start({ nodeId: 0 });
  const start = endpoints.start({ nodeId: 1, address: zero.address });
  await expect(start).rejects.toMatchObject({
    name: "ListenError",
    code: "EADDRINUSE",
    message: `cannot listen on ${zero.address}: the port is in use; stop the program that listens on it, or choose another port`,
  });
});

test("a malformed address makes start fail, and is quoted", async () => {
  await expect(endpoints.start({ nodeId: 0, address: "nonsense" })).rejects.toThrow(
    '"nonsense" is no address',
  );
  const peers = [{ nodeId: 1, address: "::1:23" }];
  await expect(endpoints.start({ nodeId: 0, peers })).rejects.toThrow('"::1:23" is no address');
});
