import { toBinary } from "@bufbuild/protobuf";
import { MessageSchema, PeerFrameSchema } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { accept, Endpoints, proposal, until, type Endpoint } from "./endpoint.js";
import { hello, messages, RawCaller } from "./raw-peer.js";

const endpoints = new Endpoints();
const callers: RawCaller[] = [];
afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.close()));
  await endpoints.close();
});

/** Node 0 with two peers: node 2, which behaves, and a caller that says it is node 1. */
async function besideAGoodPeer(
  maxMessageBytes = 1024 * 1024,
): Promise<{ zero: Endpoint; good: Endpoint; caller: RawCaller }> {
  const nowhere = "127.0.0.1:9";
  const peers = [
    { nodeId: 1, address: nowhere },
    { nodeId: 2, address: nowhere },
  ];
  const zero = await endpoints.start({ nodeId: 0, peers, transport: { maxMessageBytes } });
  const good = await endpoints.start({ nodeId: 2, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => good.connected.length === 1, "the good peer is connected");
  const caller = new RawCaller(zero.address);
  callers.push(caller);
  caller.say(hello(), messages(toBinary(MessageSchema, accept(0, 1))));
  await until(() => zero.received.length === 1, "the caller was let in");
  return { zero, good, caller };
}

async function stillServes(zero: Endpoint, good: Endpoint): Promise<void> {
  const before = zero.received.length;
  const losses = good.disconnected.length;
  good.transport.send(accept(0, 2));
  await until(() => zero.received.length === before + 1, "the good peer's message arrived");
  expect(good.disconnected).toHaveLength(losses);
}

test.each([
  ["a message that does not decode", new Uint8Array([0xff, 0xff, 0xff]), "closed_undecodable"],
  [
    "a message that is cut off",
    toBinary(MessageSchema, proposal(0, 1, 50)).subarray(0, 20),
    "closed_undecodable",
  ],
  ["a message above the limit", toBinary(MessageSchema, proposal(0, 1, 1024 * 1024)), "closed_undecodable"],
  ["a frame far above the limit", new Uint8Array(8 * 1024 * 1024), "closed_undecodable"],
  ["a message for another node", toBinary(MessageSchema, accept(2, 1)), "closed_misdirected"],
])("%s closes that connection, is counted, and disturbs nobody else", async (_, bytes, counter) => {
  const { zero, good, caller } = await besideAGoodPeer();
  caller.say(messages(bytes));
  await until(() => caller.ended, "the connection was closed");
  expect(zero.counter(counter)).toBe(1);
  expect(zero.received).toHaveLength(1);
  expect(zero.warnings.join()).toMatch(/closed the connection from 127\.0\.0\.1:\d+: /);
  await stillServes(zero, good);
});

test("what stands before the bad message in its frame is still delivered", async () => {
  const { zero, caller } = await besideAGoodPeer();
  caller.say(messages(toBinary(MessageSchema, accept(0, 5)), new Uint8Array([0xff])));
  await until(() => caller.ended, "the connection was closed");
  expect(zero.received).toHaveLength(2);
});

test("a connection lost in the middle of a frame is not taken for a hostile one", async () => {
  const { zero, good } = await besideAGoodPeer();
  const session = connectHttp2(`http://${zero.address}`);
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/paxos.v1.PeerService/Exchange",
    "content-type": "application/connect+proto",
  });
  stream.on("error", () => undefined);
  stream.write(envelope(toBinary(PeerFrameSchema, hello())));
  await new Promise((resolve) => stream.once("response", resolve));
  const whole = envelope(toBinary(PeerFrameSchema, messages(toBinary(MessageSchema, accept(0, 2)))));
  // Once the server has taken the first half, it answers a ping.
  stream.write(whole.subarray(0, whole.length - 3));
  await new Promise((resolve) => session.ping(resolve));
  session.destroy(undefined, constants.NGHTTP2_CANCEL);
  await stillServes(zero, good);
  expect(zero.counter("closed_undecodable")).toBe(0);
  expect(zero.counter("closed_not_http2")).toBe(0);
});

test("a second connection of the same node replaces the first", async () => {
  const { zero, good, caller } = await besideAGoodPeer();
  const second = new RawCaller(zero.address);
  callers.push(second);
  second.say(hello());
  await until(() => caller.ended, "the first was closed");
  await stillServes(zero, good);
  expect(second.ended).toBe(false);
});

test.each([
  ["bytes that are nothing at all", Buffer.from([0, 1, 2, 3, 255, 254, 253, 10, 13, 0, 0, 0])],
  ["HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  [
    "HTTP/2 and then rubbish",
    Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(64, 0xfe)]),
  ],
])("%s on the port: closed, counted, nobody else disturbed", async (_, bytes) => {
  const { zero, good } = await besideAGoodPeer();
  const socket = connect(zero.port, "127.0.0.1");
  await closes(socket, bytes);
  await until(() => zero.counter("closed_not_http2") === 1, "counted");
  await stillServes(zero, good);
});

test("a connection that breaks off at once disturbs nobody", async () => {
  const { zero, good } = await besideAGoodPeer();
  const socket = connect(zero.port, "127.0.0.1", () => socket.resetAndDestroy());
  await new Promise((resolve) => socket.once("close", resolve));
  await stillServes(zero, good);
});

test.each([
  ["a malformed authority", { ":authority": "not an authority", ":path": "/paxos.v1.PeerService/Exchange" }],
  ["an unknown path", { ":path": "/nothing/here" }],
])("%s disturbs nobody", async (_, headers) => {
  const { zero, good } = await besideAGoodPeer();
  const session = connectHttp2(`http://${zero.address}`);
  session.on("error", () => undefined);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    "content-type": "application/connect+proto",
    ...headers,
  });
  stream.on("error", () => undefined);
  stream.end();
  stream.resume();
  await new Promise((resolve) => stream.once("close", resolve));
  session.destroy();
  await stillServes(zero, good);
});

/** A frame as the Connect protocol puts it into a stream. */
function envelope(data: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(data.length, 1);
  return Buffer.concat([header, data]);
}

async function closes(socket: Socket, bytes: Uint8Array): Promise<void> {
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
}
