import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { LogRequestSchema } from "@paxos/proto";
import { connect } from "node:net";
import { TcpClientTransport } from "../src/index.js";
import { Closables, errorOf, handlerOf, until, update } from "./endpoint.js";
import { RawConnection, RawServer } from "./raw-connection.js";

const open = new Closables();
afterEach(() => open.close());

const impatient = { connectTimeoutMs: 200, keepAlive: { intervalMs: 20, timeoutMs: 100 } };

test("a client that falls silent is closed by the node", async () => {
  const node = await open.start({ nodeId: 0, handler: handlerOf(), transport: impatient });
  const client = open.add(await RawConnection.client(node.port));
  await until(() => client.pings >= 3, "pings");
  expect(client.closed).toBe(false);
  client.answersPings = false;
  await until(() => client.closed, "closed");
  expect(node.counts).toEqual({});
});

test("whatever a client says is a sign of life", async () => {
  const node = await open.start({ nodeId: 0, handler: handlerOf(), transport: impatient });
  const client = open.add(await RawConnection.client(node.port));
  client.answersPings = false;
  let said = 0;
  open.add(
    every(10, () => {
      client.say({ pong: 12_345n });
      said++;
    }),
  );
  await until(() => said >= 50 || client.closed, "five times the time that silence may take");
  expect(client.closed).toBe(false);
});

test("who says nothing at all, or too slowly who it is, is closed", async () => {
  const node = await open.start({ nodeId: 0, transport: impatient });
  const silent = open.add(new RawConnection(connect(node.port, "127.0.0.1")));
  const slow = open.add(new RawConnection(connect(node.port, "127.0.0.1")));
  open.add(every(60, () => slow.sayBytes(Uint8Array.of(0x85))));
  await until(() => silent.closed && slow.closed, "both closed");
  expect(node.counts).toEqual({ closed_no_handshake: 2 });
});

test("who is refused and does not close the connection is closed", async () => {
  const node = await open.start({ nodeId: 0, transport: impatient });
  const socket = connect({ port: node.port, host: "127.0.0.1", allowHalfOpen: true });
  const client = open.add(new RawConnection(socket));
  client.say({ ping: 1n });
  await until(() => client.heard.length === 1, "a refusal");
  open.add(every(5, () => client.say({ ping: 1n })));
  await until(() => client.closed, "closed");
  expect(client.heard[0]?.refusal).toBeDefined();
  expect(node.counts).toEqual({ refused_no_hello: 1 });
});

/** Does something again and again, until it is closed. */
function every(ms: number, callback: () => void): { close(): Promise<void> } {
  const timer = setInterval(callback, ms);
  return {
    close: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}

/** A client, and a server that greets it or not, and says nothing more. */
async function mute(greets: boolean) {
  const server = await RawServer.listen((connection) => {
    connection.answersPings = false;
    if (greets) connection.say({ serverHello: { protocolVersion: 1 } });
  });
  open.add(server);
  const client = open.add(new TcpClientTransport(impatient));
  return { client, server };
}

test.each([
  [true, /^no answer from 127\.0\.0\.1:\d+: no answer to a ping within 100 ms; try another server, or again/],
  [
    false,
    /^no answer from 127\.0\.0\.1:\d+: no handshake within 200 ms; try another server, or again later$/,
  ],
])("calls fail when the server falls silent (after a greeting: %s)", async (greets, message) => {
  const { client, server } = await mute(greets);
  const { signal } = new AbortController();
  const log = client.log(server.address, create(LogRequestSchema), signal)[Symbol.asyncIterator]();
  const errors = await Promise.all([
    errorOf(client.clientUpdate(server.address, update(1), signal)),
    errorOf(client.status(server.address, signal)),
    errorOf(client.takeSnapshot(server.address, signal)),
    errorOf(log.next()),
    errorOf(client.backup(server.address, signal).next()),
  ]);
  for (const error of errors)
    expect(error).toMatchObject({ code: "unavailable", message: expect.stringMatching(message) });
  // All of them went over one connection; later calls go over another.
  expect(server.connections).toHaveLength(1);
  await errorOf(client.status(server.address, signal));
  expect(server.connections).toHaveLength(2);
});

test.each([
  ["garbage", { messages: [new Uint8Array(3)] }, "it says messages, which a server does not say here"],
  ["a refusal", { refusal: { detail: "another version" } }, "refused: another version"],
  ["another version", { serverHello: { protocolVersion: 2 } }, "it speaks version 2 of the protocol"],
  ["nothing that is known", { ping: 0n, calls: [], refusal: undefined }, "it sent an empty frame"],
])("calls fail when the server answers the greeting with %s", async (_, frame, why) => {
  const server = await RawServer.listen((connection) => connection.say(frame));
  open.add(server);
  const client = open.add(new TcpClientTransport());
  const error = await errorOf(client.status(server.address, new AbortController().signal));
  expect(error).toMatchObject({ code: "unavailable", message: expect.stringContaining(why) });
});
