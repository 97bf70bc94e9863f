import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { HandshakeRefusalReason, HelloSchema, MessageSchema } from "@paxos/proto";
import { encodeFrame } from "../src/frame.js";
import { AcceptingNode } from "./accepting-node.js";
import { accept, clusterId, handlerOf, update } from "./endpoint.js";

const hello = create(HelloSchema, { protocolVersion: 1, clusterId, nodeId: 1n, storeId: 101n, to: 0n });
const asPeer = encodeFrame({ hello });
const asClient = encodeFrame({ clientHello: { protocolVersion: 1 } });
const encoded = toBinary(MessageSchema, accept(0, 1));

/** What becomes of a connection on which these frames come. */
function after(...frames: Uint8Array[]) {
  const node = new AcceptingNode();
  const { link, connection } = node.accept();
  for (const frame of frames) link.receive(frame);
  return { node, link, connection, counts: node.counts };
}

test("a peer that says who it is is answered, and its messages are received", () => {
  const { node, link, counts } = after(asPeer, encodeFrame({ messages: [encoded, encoded] }));
  expect(link.end).toBe(undefined);
  const said = {
    nodeId: 0n,
    storeId: 100n,
    to: 1n,
    protocolVersion: 1,
    newestVersion: 2,
    commandVersion: 1,
    incarnation: 200n,
    saveHistory: Uint8Array.of(0, 3),
    epochRecord: Uint8Array.of(8, 1, 0),
    address: "node-0:1",
  };
  expect(link.frames).toMatchObject([{ hello: said }]);
  expect(node.received).toHaveLength(2);
  expect(counts).toEqual({});
});

test("a client that says its version is told who answers", () => {
  const { link } = after(asClient);
  expect(link.end).toBe(undefined);
  expect(link.frames).toMatchObject([
    { serverHello: { protocolVersion: 1, nodeId: 0n, clusterId, maxRequestBytes: 4096 } },
  ]);
});

test.each([
  ["no hello", encodeFrame({ ping: 1n }), "refused_no_hello", HandshakeRefusalReason.NO_HELLO],
  [
    "another version",
    encodeFrame({ hello: { ...hello, protocolVersion: 3 } }),
    "refused_protocol_version",
    HandshakeRefusalReason.PROTOCOL_VERSION,
  ],
  [
    "another cluster",
    encodeFrame({ hello: { ...hello, clusterId: new Uint8Array(32) } }),
    "refused_cluster",
    HandshakeRefusalReason.CLUSTER,
  ],
  [
    "no member",
    encodeFrame({ hello: { ...hello, nodeId: 2n } }),
    "refused_node",
    HandshakeRefusalReason.NODE,
  ],
  [
    "another store",
    encodeFrame({ hello: { ...hello, storeId: 5n } }),
    "refused_store",
    HandshakeRefusalReason.STORE,
  ],
  [
    "more saves than there are",
    encodeFrame({ hello: { ...hello, saveHistory: new Uint8Array(1025) } }),
    "refused_store",
    HandshakeRefusalReason.STORE,
  ],
  [
    "a larger epoch record than there are",
    encodeFrame({ hello: { ...hello, epochRecord: new Uint8Array(64 * 1024 + 1) } }),
    "refused_node",
    HandshakeRefusalReason.NODE,
  ],
  [
    "a longer address than there are",
    encodeFrame({ hello: { ...hello, address: "x".repeat(301) } }),
    "refused_node",
    HandshakeRefusalReason.NODE,
  ],
  [
    "a client of another version",
    encodeFrame({ clientHello: { protocolVersion: 2 } }),
    "refused_protocol_version",
    HandshakeRefusalReason.PROTOCOL_VERSION,
  ],
])("%s: refused with a reason, and what follows is not looked at", (_, first, counter, reason) => {
  const { node, link, counts } = after(first, asPeer, encodeFrame({ messages: [encoded] }));
  expect(link.end).toBe("finished");
  expect(link.frames).toMatchObject([{ refusal: { reason } }]);
  expect(counts).toEqual({ [counter]: 1 });
  expect(node.received).toEqual([]);
});

const unexpected: [string, Uint8Array[]][] = [
  ["a hello with more beside it", [encodeFrame({ hello, messages: [encoded] })]],
  ["a client's hello with more beside it", [encodeFrame({ clientHello: { protocolVersion: 1 }, ping: 1n })]],
  ["two kinds of hello", [encodeFrame({ hello, clientHello: { protocolVersion: 1 } })]],
  ["a second hello", [asPeer, asPeer]],
  ["a peer with updates", [asPeer, encodeFrame({ updates: { updates: [update(1)] } })]],
  ["a peer with calls", [asPeer, encodeFrame({ calls: [{ id: 1n }] })]],
  ["a peer that turns client", [asPeer, asClient]],
  ["a peer that answers as a server", [asPeer, encodeFrame({ serverHello: { protocolVersion: 1 } })]],
  ["a client with messages", [asClient, encodeFrame({ messages: [encoded] })]],
  ["a client with answers", [asClient, encodeFrame({ answers: {} })]],
  ["a client with replies", [asClient, encodeFrame({ replies: [{ id: 1n }] })]],
  ["a client that refuses", [asClient, encodeFrame({ refusal: {} })]],
  ["messages among what a client may say", [asClient, encodeFrame({ ping: 1n, messages: [encoded] })]],
];

test.each(unexpected)("%s: closed, and nothing of that frame is taken", (_, frames) => {
  const { node, link, counts } = after(...frames);
  expect(link.end).toBe("hung up");
  expect(counts).toEqual({ closed_unexpected_frame: 1 });
  expect(node.received).toEqual([]);
});

/** A frame with so many updates of two bytes each. */
function emptyUpdates(count: number): Uint8Array {
  return encodeFrame({ updates: { updates: Array.from({ length: count }, () => ({})) } });
}

const undecodable: [string, Uint8Array[]][] = [
  ["an empty frame", [asPeer, Uint8Array.of(0)]],
  ["no frame at all", [asPeer, Uint8Array.of(2, 0xff, 0xff)]],
  ["a first frame above 128 KiB", [Uint8Array.of(0x81, 0x80, 0x08)]],
  ["a frame above the limit of peers", [asPeer, Uint8Array.of(0x81, 0x80, 0x24)]],
  ["a frame above the limit of clients", [asClient, Uint8Array.of(0x81, 0x80, 0x84, 0x01)]],
  ["a batch of more than 4,096 updates", [asClient, emptyUpdates(4097)]],
  ["a size without end", [asClient, new Uint8Array(5).fill(0xff)]],
  ["a message that is none", [asPeer, encodeFrame({ messages: [Uint8Array.of(0xff)] })]],
  ["a message above the limit", [asPeer, encodeFrame({ messages: [new Uint8Array(4097)] })]],
];

test.each(undecodable)("%s: closed as undecodable", (_, frames) => {
  const { link, counts } = after(...frames);
  expect(link.end).toBe("hung up");
  expect(counts).toEqual({ closed_undecodable: 1 });
});

test("a message for another node: closed, what came before it is received", () => {
  const stray = toBinary(MessageSchema, accept(5, 2));
  const { node, link, counts } = after(asPeer, encodeFrame({ messages: [encoded, stray, encoded] }));
  expect(link.end).toBe("hung up");
  expect(counts).toEqual({ closed_misdirected: 1 });
  expect(node.received).toHaveLength(1);
});

test("a peer that refuses after all is closed without a fault", () => {
  const { node, link, counts } = after(asPeer, encodeFrame({ refusal: { detail: "go away" } }));
  expect(link.end).toBe("hung up");
  expect(node.refusals).toEqual(["go away"]);
  expect(counts).toEqual({});
});

test("who does not say in time who it is is closed; who did is not", () => {
  const silent = after(asPeer.subarray(0, 10));
  silent.connection.onLate();
  expect(silent.link.end).toBe("hung up");
  expect(silent.node.counts).toEqual({ closed_no_handshake: 1 });
  const known = after(asPeer);
  known.connection.onLate();
  expect(known.link.end).toBe(undefined);
});

test("a connection that breaks off in the middle of a frame is counted", () => {
  const { node, link } = after(asPeer, encodeFrame({ messages: [encoded] }).subarray(0, 5));
  link.receiveEnd();
  expect(node.counts).toEqual({ closed_truncated: 1 });
  const whole = after(asPeer);
  whole.link.receiveEnd();
  expect(whole.node.counts).toEqual({});
});

test("a newer connection of a peer replaces the older", () => {
  const node = new AcceptingNode();
  const [older, newer] = [node.accept(), node.accept()];
  older.link.receive(asPeer);
  newer.link.receive(asPeer);
  expect([older.link.end, newer.link.end]).toEqual(["hung up", undefined]);
});

test("pings are answered; those that cannot be answered now by the last answer alone", () => {
  const { link } = after(asClient, encodeFrame({ ping: 5n }));
  expect(link.frames.at(-1)?.pong).toBe(5n);
  const before = link.sent.length;
  link.writable = false;
  for (let ping = 6n; ping < 1000n; ping++) link.receive(encodeFrame({ ping }));
  expect(link.sent.length).toBe(before);
  link.writable = true;
  link.pings.answer();
  link.pings.answer();
  expect(link.frames.slice(before)).toMatchObject([{ pong: 999n }]);
});

test("a client that does not take its answers is not read from", () => {
  const node = new AcceptingNode(handlerOf({ clientUpdate: () => new Promise(() => undefined) }));
  const { link, connection } = node.accept();
  link.receive(asClient);
  link.congested = true;
  link.receive(encodeFrame({ ping: 1n }));
  expect(connection.ready).toBe(false);
  expect(link.frames.at(-1)?.pong).toBe(0n);
  link.congested = false;
  link.goOn();
  expect(link.frames.at(-1)?.pong).toBe(1n);
});

test("what a client has under way is aborted when its connection ends", () => {
  const signals: AbortSignal[] = [];
  const parked = <T>(_: unknown, signal: AbortSignal): Promise<T> => {
    signals.push(signal);
    return new Promise(() => undefined);
  };
  const stream = (signal: AbortSignal) => ({
    [Symbol.asyncIterator]: () => ({ next: () => parked<never>(undefined, signal) }),
  });
  const handler = handlerOf({
    clientUpdate: parked,
    log: (_, signal) => stream(signal),
    takeSnapshot: (signal) => parked(undefined, signal),
    backup: stream,
    changeMembership: parked,
    transferLeadership: parked,
  });
  const node = new AcceptingNode(handler);
  const { link } = node.accept();
  link.receive(asClient);
  link.receive(encodeFrame({ updates: { updates: [update(1), update(2)] } }));
  const kinds = ["log", "takeSnapshot", "backup"] as const;
  const calls = kinds.map((kind, i) => ({ id: BigInt(i), type: { case: kind, value: {} } }));
  const change = { type: { case: "promote" as const, value: 1n } };
  link.receive(
    encodeFrame({
      calls: [
        ...calls,
        { id: 10n, type: { case: "changeMembership", value: { change } } },
        { id: 11n, type: { case: "transferLeadership", value: {} } },
      ],
    }),
  );
  expect(signals.map(({ aborted }) => aborted)).toEqual(Array(7).fill(false));
  link.hangUp();
  expect(signals.map(({ aborted }) => aborted)).toEqual(Array(7).fill(true));
});
