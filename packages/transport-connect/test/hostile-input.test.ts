import { create, toBinary } from "@bufbuild/protobuf";
import { MessageSchema, PeerFrameSchema, UpdateBatchSchema } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { accept, Endpoints, until, type Endpoint } from "./endpoint.js";
import { Handler } from "./handlers.js";
import { hello, messages, RawCaller } from "./raw-peer.js";

// What all transports do is tested in conformance.test.ts; here is what is HTTP/2's.

const endpoints = new Endpoints();
const callers: RawCaller[] = [];
afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.close()));
  await endpoints.close();
});

/** Node 0 with two peers: node 2, which behaves, and a caller that says it is node 1. */
async function besideAGoodPeer(): Promise<{ zero: Endpoint; good: Endpoint }> {
  const nowhere = "127.0.0.1:9";
  const peers = [
    { nodeId: 1, address: nowhere },
    { nodeId: 2, address: nowhere },
  ];
  const zero = await endpoints.start({ nodeId: 0, peers });
  const good = await endpoints.start({ nodeId: 2, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => good.connected.length === 1, "the good peer is connected");
  const caller = new RawCaller(zero.address);
  callers.push(caller);
  caller.say(hello(), messages(toBinary(MessageSchema, accept(0, 1))));
  await until(() => zero.received.length === 1, "the caller was let in");
  return { zero, good };
}

async function stillServes(zero: Endpoint, good: Endpoint): Promise<void> {
  const before = zero.received.length;
  const losses = good.disconnected.length;
  good.transport.send(accept(0, 2));
  await until(() => zero.received.length === before + 1, "the good peer's message arrived");
  expect(good.disconnected).toHaveLength(losses);
}

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

test("a caller that does not even begin with HTTP/2 is cut off", async () => {
  const transport = { keepAlive: { intervalMs: 50, timeoutMs: 200 }, connectTimeoutMs: 300 };
  const zero = await endpoints.start({ nodeId: 0, transport });
  const socket = connect(zero.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  await until(() => socket.destroyed, "the connection was closed");
  expect(zero.connected).toHaveLength(0);
});

/** Says one message on a stream, which announces its size, and resolves when the connection or the stream has ended. */
async function sayOnce(
  address: string,
  path: string,
  message: Uint8Array,
  type = "application/connect+proto",
): Promise<string> {
  const session = connectHttp2(`http://${address}`);
  session.on("error", () => undefined);
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": type });
  let answer = "";
  stream.on("error", () => undefined).on("data", (chunk: Buffer) => (answer += chunk.toString()));
  stream.write(envelope(message));
  await new Promise<void>((resolve) => stream.once("close", resolve).once("end", resolve));
  session.destroy();
  return answer;
}

/** Elements of two bytes each. */
const empty = (tag: number, count: number): Uint8Array =>
  new Uint8Array(2 * count).map((_, index) => (index % 2 === 0 ? tag : 0));

test.each([
  ["a first frame of very many empty messages", empty(0x1a, 1_000_000)],
  ["a first frame with as many as there is room for", empty(0x1a, 65_536)],
])("%s closes that connection, and is cheap", async (_, message) => {
  const { zero, good } = await besideAGoodPeer();
  const start = performance.now();
  await sayOnce(zero.address, "/paxos.v1.PeerService/Exchange", message);
  expect(performance.now() - start).toBeLessThan(2000);
  await stillServes(zero, good);
});

test("a frame of very many empty messages from a peer that was let in closes its connection", async () => {
  const { zero, good } = await besideAGoodPeer();
  callers[0]?.say(messages(...Array.from({ length: 65_537 }, () => new Uint8Array())));
  await until(() => zero.counter("closed_undecodable") === 1, "closed");
  expect(zero.warnings.join()).toMatch(/more than 65536 elements/);
  await stillServes(zero, good);
});

test.each([
  ["Protobuf", empty(0x0a, 1_000_000), "application/connect+proto", "more than 4096 elements"],
  ["gRPC", empty(0x0a, 4097), "application/grpc", ""],
  [
    "JSON",
    Buffer.from(`{"updates":[${"{},".repeat(600_000)}{}]}`),
    "application/connect+json",
    "more than 65536 elements",
  ],
])(
  "too many updates in one message (%s) end their stream before they are decoded",
  async (_, message, type, why) => {
    let asked = 0;
    const handler = new Handler();
    handler.clientUpdate = () => {
      asked++;
      return new Promise(() => undefined);
    };
    const { address } = await endpoints.start({ nodeId: 0, handler });
    const answer = await sayOnce(address, "/paxos.v1.ClientService/ClientUpdates", message, type);
    expect(answer).toContain(why);
    expect(asked).toBe(0);
  },
);

test("4,096 updates in one message are taken, in drops too", async () => {
  let asked = 0;
  const handler = new Handler();
  handler.clientUpdate = () => {
    asked++;
    return new Promise(() => undefined);
  };
  const { address } = await endpoints.start({ nodeId: 0, handler });
  const updates = Array.from({ length: 4096 }, (_, index) => ({ clientId: 1n, timestamp: BigInt(index) }));
  const bytes = envelope(toBinary(UpdateBatchSchema, create(UpdateBatchSchema, { updates })));
  const session = connectHttp2(`http://${address}`);
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/paxos.v1.ClientService/ClientUpdates",
    "content-type": "application/connect+proto",
  });
  stream.on("error", () => undefined);
  for (let at = 0; at < bytes.length; at += 1000) {
    stream.write(bytes.subarray(at, at + 1000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => asked === 4096, "all are with the handler");
  session.destroy();
});
