import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { GloballyOrderedUpdateSchema, type GloballyOrderedUpdate } from "@paxos/proto";
import { TcpClientTransport } from "../src/index.js";
import { Closables, clusterId, handlerOf, proposal, until, update } from "./endpoint.js";
import { RawConnection, RawServer } from "./raw-connection.js";

const open = new Closables();
afterEach(() => open.close());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const patient = { keepAlive: { intervalMs: 1000, timeoutMs: 60_000 } };

test("a peer that reads nothing fills the lanes, and gets what they hold when it reads again", async () => {
  const server = await RawServer.listen((connection) => {
    connection.say({ hello: { protocolVersion: 1, clusterId, nodeId: 1n, storeId: 101n, to: 0n } });
  });
  open.add(server);
  const lanes = { control: { maxBytes: 1_000_000, maxMessages: 1000 } };
  const peers = [{ nodeId: 1, address: server.address }];
  const node = await open.start({ nodeId: 0, peers, transport: { ...patient, lanes } });
  await until(() => node.connected.length === 1, "connected");
  const [peer] = server.connections;
  peer?.pause();
  let sent = 0;
  const dropped = () => node.transport.counters()["dropped_control_full"] ?? 0;
  for (; dropped() < 100; sent++) {
    node.transport.send(proposal(1, sent, 10_000));
    if (sent % 10 === 0) await turn();
  }
  peer?.resume();
  const heard = () => peer?.heard.reduce((sum, { messages }) => sum + messages.length, 0) ?? 0;
  await until(() => heard() === sent - dropped(), "all that was not dropped");
});

test("a peer that never reads again is given up, and called again", async () => {
  const server = await RawServer.listen((connection) => {
    connection.say({ hello: { protocolVersion: 1, clusterId, nodeId: 1n, storeId: 101n, to: 0n } });
  });
  open.add(server);
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 200 } };
  const peers = [{ nodeId: 1, address: server.address }];
  const node = await open.start({ nodeId: 0, peers, transport });
  await until(() => node.connected.length === 1, "connected");
  server.connections[0]?.pause();
  for (let seq = 1; seq <= 2000; seq++) node.transport.send(proposal(1, seq, 10_000));
  await until(() => node.connected.length === 2, "connected again");
  expect(node.disconnected[0]).toMatch(/^no answer to a ping within \d+ ms$/);
});

/** A client whose updates, as large as `bytes`, never end. */
async function flood(client: RawConnection, bytes: number, enough: () => boolean): Promise<number> {
  let sent = 0;
  while (client.unsent < 1_000_000 && !enough()) {
    client.say({ updates: { updates: Array.from({ length: 64 }, () => update(++sent, bytes)) } });
    await turn();
  }
  return sent;
}

test("a client that sends for ever and gets no answers is read from no more, and is not taken for dead", async () => {
  const waiting: ((ordered: GloballyOrderedUpdate) => void)[] = [];
  const clientUpdate = () => new Promise<GloballyOrderedUpdate>((resolve) => waiting.push(resolve));
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 100 } };
  const node = await open.start({ nodeId: 0, handler: handlerOf({ clientUpdate }), transport });
  const client = open.add(await RawConnection.client(node.port));
  const sent = await flood(client, 1000, () => false);
  await until(() => waiting.length >= 4096, "as many as may be");
  const { pings } = client;
  // Five times the time after which a silent connection is dead, or more.
  await until(() => client.pings >= pings + 25, "signs of life");
  expect(waiting.length).toBe(4096);
  expect(client.closed).toBe(false);
  // As answers are taken there is room for others.
  await until(() => {
    for (const resolve of waiting.splice(0)) resolve(create(GloballyOrderedUpdateSchema, { seq: 1n }));
    return client.heard.reduce((sum, { answers }) => sum + (answers?.answers.length ?? 0), 0) === sent;
  }, "all answers");
  expect(node.counts).toEqual({});
});

test("a client that does not take its answers is read from no more, and given up", async () => {
  let asked = 0;
  const result = new Uint8Array(100_000);
  const clientUpdate = () => {
    asked++;
    return Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: 1n, result }));
  };
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 300 } };
  const node = await open.start({ nodeId: 0, handler: handlerOf({ clientUpdate }), transport });
  const client = open.add(await RawConnection.client(node.port));
  client.pause();
  await flood(client, 1000, () => asked > 5000);
  expect(asked).toBeLessThan(2000);
  await until(() => client.closed, "given up");
});

test("who has more under way than a server takes is heard all the same", async () => {
  const waiting: ((ordered: GloballyOrderedUpdate) => void)[] = [];
  const clientUpdate = () => new Promise<GloballyOrderedUpdate>((resolve) => waiting.push(resolve));
  const node = await open.start({ nodeId: 0, handler: handlerOf({ clientUpdate }) });
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const half = new AbortController();
  let answered = 0;
  let aborted = 0;
  const calls = Array.from({ length: 10_000 }, (_, i) =>
    client.clientUpdate(node.address, update(i + 1, 10), i % 2 === 0 ? signal : half.signal).then(
      () => answered++,
      () => aborted++,
    ),
  );
  await until(() => waiting.length >= 4000, "as many as may be");
  expect((await client.status(node.address, signal)).nodeId).toBe(3n);
  expect(waiting.length).toBeLessThan(4096);
  // Those that are given up make room for others.
  half.abort();
  await until(() => {
    for (const resolve of waiting.splice(0)) resolve(create(GloballyOrderedUpdateSchema, { seq: 1n }));
    return answered === 5000;
  }, "the other half");
  await Promise.all(calls);
  expect(aborted).toBe(5000);
});
