import { toBinary } from "@bufbuild/protobuf";
import { MessageSchema, type Message } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import type { RawCaller, TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoint, type Endpoints } from "./endpoints.js";
import { accept, hello, messages, numbers, proposal } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

const encoded = (message: Message): Uint8Array => toBinary(MessageSchema, message);

/** What peers must not send: it ends their connection, and nothing else. */
export function describeHostileInput(adapter: TransportAdapter): void {
  describeSubject("hostile input", adapter, (endpoints) => {
    testBadMessages(endpoints);
    testConnections(endpoints);
    testThrowOfTheNode(endpoints);
    test.each(adapter.garbage.map((garbage) => [garbage.name, garbage] as const))(
      "%s: closed, counted, nobody else disturbed",
      async (_, garbage) => {
        const { zero, good } = await besideAGoodPeer(endpoints);
        await garbage.throwAt(zero.address);
        await until(() => zero.counter(garbage.counter) === 1, "counted");
        await stillServes(zero, good);
      },
    );
  });
}

/** Node 0 with two peers: node 2, which behaves, and a caller that says it is node 1. */
async function besideAGoodPeer(
  endpoints: Endpoints,
): Promise<{ zero: Endpoint; good: Endpoint; caller: RawCaller }> {
  const peers = [1, 2].map((nodeId) => ({ nodeId, address: nowhere }));
  const zero = await endpoints.start({ nodeId: 0, peers, transport: { maxMessageBytes: 1024 * 1024 } });
  const good = await endpoints.start({ nodeId: 2, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => good.connected.length === 1, "the good peer is connected");
  const caller = endpoints.rawCaller(zero.address);
  caller.say(hello());
  await until(() => caller.answers.length === 1, "the caller was let in");
  caller.say(messages(encoded(accept(0, 1))));
  await until(() => zero.received.length === 1, "its message arrived");
  return { zero, good, caller };
}

async function stillServes(zero: Endpoint, good: Endpoint): Promise<void> {
  const before = zero.received.length;
  const losses = good.disconnected.length;
  good.transport.send(accept(0, 2));
  await until(() => zero.received.length === before + 1, "the good peer's message arrived");
  expect(good.disconnected).toHaveLength(losses);
}

function testBadMessages(endpoints: Endpoints): void {
  test.each([
    ["a message that does not decode", new Uint8Array([0xff, 0xff, 0xff]), "closed_undecodable"],
    ["a message that is cut off", encoded(proposal(0, 1, 50)).subarray(0, 20), "closed_undecodable"],
    ["a message above the limit", encoded(proposal(0, 1, 1024 * 1024)), "closed_undecodable"],
    ["a frame far above the limit", new Uint8Array(8 * 1024 * 1024), "closed_undecodable"],
    ["a message for another node", encoded(accept(2, 1)), "closed_misdirected"],
  ])("%s closes that connection, is counted, and disturbs nobody else", async (_, bytes, counter) => {
    const { zero, good, caller } = await besideAGoodPeer(endpoints);
    caller.say(messages(bytes));
    await until(() => caller.ended, "the connection was closed");
    expect(zero.counter(counter)).toBe(1);
    expect(zero.received).toHaveLength(1);
    expect(zero.warnings.join()).toMatch(/closed the connection from 127\.0\.0\.1:\d+: /);
    await stillServes(zero, good);
  });

  test("what stands before the bad message in its frame is still delivered, what stands behind is not", async () => {
    const { zero, caller } = await besideAGoodPeer(endpoints);
    caller.say(messages(encoded(accept(0, 5)), new Uint8Array([0xff]), encoded(accept(0, 6))));
    await until(() => caller.ended, "the connection was closed");
    expect(zero.received).toHaveLength(2);
    expect(zero.counter("closed_undecodable")).toBe(1);
  });

  test("very many of them are all counted, and warned of seldom", async () => {
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    await Promise.all(
      numbers(20).map(async () => {
        const caller = endpoints.rawCaller(zero.address);
        caller.say(hello({ to: 5n }));
        await until(() => caller.ended, "refused");
      }),
    );
    expect(zero.counter("refused_node")).toBe(20);
    // At most one in ten seconds; the machine may be slow.
    expect(zero.warnings.length).toBeLessThan(10);
  });
}

function testConnections(endpoints: Endpoints): void {
  test("a second connection of the same node replaces the first", async () => {
    const { zero, good, caller } = await besideAGoodPeer(endpoints);
    const second = endpoints.rawCaller(zero.address);
    second.say(hello());
    await until(() => caller.ended, "the first was closed");
    await stillServes(zero, good);
    expect(second.ended).toBe(false);
    second.say(messages(encoded(accept(0, 7))));
    await until(() => zero.received.length === 3, "the second is heard");
  });

  test("a connection that breaks off at once disturbs nobody", async () => {
    const { zero, good } = await besideAGoodPeer(endpoints);
    for (const _ of numbers(10)) await endpoints.rawCaller(zero.address).close();
    await stillServes(zero, good);
  });
}

function testThrowOfTheNode(endpoints: Endpoints): void {
  test("a throw of the node comes out of the process, and is not taken for a fault of the peer", async () => {
    const uncaught: unknown[] = [];
    const failure = new Error("the node has failed");
    const address = await endpoints.freeAddress();
    const zero = await endpoints.start({
      nodeId: 0,
      peers: [{ nodeId: 1, address }],
      onMessage: () => {
        if (zero.received.length === 1) throw failure;
      },
    });
    const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
    await until(() => one.connected.length === 1, "connected");
    const losses = one.disconnected.length;
    process.setUncaughtExceptionCaptureCallback((error: unknown) => void uncaught.push(error));
    try {
      one.transport.send(accept(0, 1));
      await until(() => uncaught.length > 0, "it came out");
    } finally {
      process.setUncaughtExceptionCaptureCallback(null);
    }
    expect(uncaught).toEqual([failure]);
    one.transport.send(accept(0, 2));
    await until(() => zero.received.length === 2, "the next message arrived");
    expect(one.disconnected).toHaveLength(losses);
    expect(zero.counter("closed_undecodable")).toBe(0);
  });
}
