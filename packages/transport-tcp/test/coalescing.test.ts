import { afterEach, expect, test } from "@jest/globals";
import { TcpClientTransport } from "../src/index.js";
import { accept, Closables, clusterId, handlerOf, proposal, until, update } from "./endpoint.js";
import { RawConnection, RawServer } from "./raw-connection.js";

const open = new Closables();
afterEach(() => open.close());

/** Node 0, connected to a hand-made node 1. */
async function calling() {
  const server = await RawServer.listen((connection) =>
    connection.say({ hello: { protocolVersion: 1, clusterId, nodeId: 1n, storeId: 101n, to: 0n } }),
  );
  open.add(server);
  const node = await open.start({ nodeId: 0, peers: [{ nodeId: 1, address: server.address }] });
  await until(() => node.connected.length === 1, "connected");
  const [peer] = server.connections;
  if (peer === undefined) throw new Error("no connection");
  await until(() => peer.heard.length === 1, "a hello");
  peer.heard.length = 0;
  return { node, peer };
}

test("the messages of one turn of the event loop leave in one frame", async () => {
  const { node, peer } = await calling();
  for (let seq = 1; seq <= 1000; seq++) node.transport.send(accept(1, seq));
  await until(() => peer.heard.length > 0, "a frame");
  expect(peer.heard.map(({ messages }) => messages.length)).toEqual([1000]);
});

test("many messages leave in frames of about 256 KiB, a larger one in its own", async () => {
  const { node, peer } = await calling();
  for (let seq = 1; seq <= 100; seq++) node.transport.send(proposal(1, seq, 10_000));
  node.transport.send(proposal(1, 101, 1_000_000));
  node.transport.send(proposal(1, 102, 10));
  const count = () => peer.heard.reduce((sum, { messages }) => sum + messages.length, 0);
  await until(() => count() === 102, "all messages");
  expect(peer.heard.map(({ messages }) => messages.length)).toEqual([26, 26, 26, 22, 1, 1]);
});

test("the updates of one turn leave in one frame, and so do the answers that are known together", async () => {
  let batches = 0;
  const server = await RawServer.listen((connection) => {
    connection.say({ serverHello: { protocolVersion: 1 } });
  });
  open.add(server);
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const calls = Array.from({ length: 500 }, (_, i) =>
    client.clientUpdate(server.address, update(i + 1), signal),
  );
  const peer = () => server.connections[0];
  await until(() => peer()?.heard.some(({ updates }) => updates !== undefined) === true, "updates");
  const updates = peer()?.heard.flatMap((frame) => frame.updates?.updates ?? []) ?? [];
  batches = peer()?.heard.filter((frame) => frame.updates !== undefined).length ?? 0;
  expect([updates.length, batches]).toEqual([500, 1]);
  const answers = updates.map(({ clientId, timestamp }) => ({ clientId, timestamp, seq: timestamp }));
  peer()?.say({ answers: { answers: answers.reverse(), leaderId: 2n } });
  const ordered = await Promise.all(calls);
  expect(ordered.map(({ seq }) => Number(seq))).toEqual(calls.map((_, i) => i + 1));
  expect(ordered.every(({ leaderId }) => leaderId === 2n)).toBe(true);

  const node = await open.start({ nodeId: 0, handler: handlerOf() });
  const raw = open.add(await RawConnection.client(node.port));
  raw.say({ updates: { updates } });
  await until(() => raw.heard.length > 0, "answers");
  expect(raw.heard.map((frame) => frame.answers?.answers.length)).toEqual([500]);
});
