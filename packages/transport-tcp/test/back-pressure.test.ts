import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  FailureCode,
  GloballyOrderedUpdateSchema,
  QueryRequestSchema,
  QueryResponseSchema,
  type GloballyOrderedUpdate,
} from "@paxos/proto";
import { TcpClientTransport } from "../src/index.js";
import { Closables, clusterId, errorOf, handlerOf, proposal, until, update } from "./endpoint.js";
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

/** A client that sends updates, as large as `bytes`, until it has sent enough. */
async function flood(
  client: RawConnection,
  bytes: number,
  enough: (sent: number) => boolean,
): Promise<number> {
  let sent = 0;
  while (client.unsent < 1_000_000 && !enough(sent)) {
    client.say({ updates: { updates: Array.from({ length: 64 }, () => update(++sent, bytes)) } });
    await turn();
  }
  return sent;
}

/** Never answers; an update that is abandoned is let go at once. */
class Parked {
  started = 0;
  cancelled = 0;

  readonly clientUpdate: ClientHandler["clientUpdate"] = (_update, signal) => {
    this.started++;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  };
}

test("a client that sends for ever and gets no answers is told so, heard, and takes up no more memory", async () => {
  const parked = new Parked();
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 10_000 } };
  const node = await open.start({ nodeId: 0, handler: handlerOf(parked), transport });
  const client = open.add(await RawConnection.client(node.port));
  let busy = 0;
  const count = () => {
    for (const { answers } of client.heard.splice(0))
      busy += answers?.answers.filter(({ failure }) => failure?.code === FailureCode.BUSY).length ?? 0;
    return busy;
  };
  const bytes = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const before = bytes();
  let most = 0;
  let sent = 0;
  while (sent < 20_000) {
    client.say({ updates: { updates: Array.from({ length: 20 }, () => update(++sent, 10_000)) } });
    await until(() => count() >= sent - 1000, "most of them are answered");
    most = Math.max(most, bytes());
  }
  await until(() => count() === sent - parked.started, "all but those that the handler has are busy");
  expect(parked.started).toBe(Math.floor((8 * 1024 * 1024) / 10_064));
  // 200 MB were sent; what can be collected is not collected at once.
  expect(most - before).toBeLessThan(120_000_000);
  const { pings } = client;
  await until(() => client.pings >= pings + 5, "signs of life");
  client.say({ calls: [{ id: 1n, type: { case: "status", value: {} } }] });
  await until(() => client.heard.some(({ replies }) => replies.length > 0), "a status");
  expect(node.counts).toEqual({});
}, 60_000);

test("with as much under way as may be, a client that has gone is noticed", async () => {
  const parked = new Parked();
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 200 } };
  const node = await open.start({ nodeId: 0, handler: handlerOf(parked), transport });
  const client = open.add(await RawConnection.client(node.port));
  client.say({ updates: { updates: Array.from({ length: 4096 }, (_, i) => update(i + 1, 10)) } });
  await until(() => parked.started === 4096, "as many as may be");
  client.answersPings = false;
  await until(() => parked.cancelled === 4096, "noticed");
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

test("of a client that does not take its answers, no more queries are asked than may be answered at once", async () => {
  let asked = 0;
  const result = new Uint8Array(100_000);
  const query = () => {
    asked++;
    return Promise.resolve(create(QueryResponseSchema, { seq: 1n, result }));
  };
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 300 } };
  const node = await open.start({ nodeId: 0, handler: handlerOf({ query }), transport });
  const client = open.add(await RawConnection.client(node.port));
  client.pause();
  const queries = Array.from({ length: 4096 }, (_, id) => ({ id: BigInt(id), request: {} }));
  client.say({ updates: { queries } });
  // Who reads nothing learns by writing that the connection has ended.
  await until(() => {
    client.say({ ping: 1n });
    return client.closed;
  }, "given up");
  // Beside what the connection took before it was full.
  expect(asked).toBeLessThan(2000);
});

test("a client that asks for much and reads slowly gets all of it", async () => {
  const result = new Uint8Array(50_000);
  const query = () => Promise.resolve(create(QueryResponseSchema, { seq: 1n, result }));
  const node = await open.start({ nodeId: 0, handler: handlerOf({ query }) });
  const client = open.add(await RawConnection.client(node.port));
  const queries = Array.from({ length: 4096 }, (_, id) => ({ id: BigInt(id), request: {} }));
  client.say({ updates: { queries } });
  const ids = new Set<bigint>();
  const count = () => {
    for (const { answers } of client.heard.splice(0))
      for (const { id, outcome } of answers?.queryAnswers ?? []) if (outcome.case === "response") ids.add(id);
    return ids.size;
  };
  await until(() => count() === 4096, "all are answered");
  expect(client.closed).toBe(false);
}, 60_000);

test("a client that takes many large answers slowly is not taken for dead", async () => {
  const result = new Uint8Array(100_000);
  const clientUpdate = () => Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: 1n, result }));
  const transport = { keepAlive: { intervalMs: 20, timeoutMs: 500 } };
  const node = await open.start({ nodeId: 0, handler: handlerOf({ clientUpdate }), transport });
  const client = open.add(await RawConnection.client(node.port));
  client.say({ updates: { updates: Array.from({ length: 1000 }, (_, i) => update(i + 1, 10)) } });
  let answered = 0;
  const count = () => {
    for (const { answers } of client.heard.splice(0)) answered += answers?.answers.length ?? 0;
    return answered;
  };
  // Two thousand milliseconds, in which the node reads nothing.
  while (count() < 1000 && !client.closed) {
    client.resume();
    await new Promise((resolve) => setTimeout(resolve, 1));
    client.pause();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect([answered, client.closed]).toEqual([1000, false]);
}, 60_000);

test("who has more under way than a server takes is answered, and heard all the same", async () => {
  const waiting: ((ordered: GloballyOrderedUpdate) => void)[] = [];
  const clientUpdate = () => new Promise<GloballyOrderedUpdate>((resolve) => waiting.push(resolve));
  const node = await open.start({ nodeId: 0, handler: handlerOf({ clientUpdate }) });
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const half = new AbortController();
  let answered = 0;
  const codes: string[] = [];
  const calls = Array.from({ length: 10_000 }, (_, i) =>
    client.clientUpdate(node.address, update(i + 1, 10), i % 2 === 0 ? signal : half.signal).then(
      () => answered++,
      (error: RequestError) => codes.push(error.code),
    ),
  );
  await until(() => waiting.length >= 4096, "as many as may be");
  expect((await client.status(node.address, signal)).nodeId).toBe(3n);
  expect(waiting.length).toBe(4096);
  // Those that are given up make room for others, though this handler does not let go of them.
  half.abort();
  await until(() => {
    for (const resolve of waiting.splice(0)) resolve(create(GloballyOrderedUpdateSchema, { seq: 1n }));
    return answered === 5000;
  }, "the other half");
  await Promise.all(calls);
  expect([codes.length, new Set(codes)]).toEqual([5000, new Set(["cancelled"])]);
});

test("with more queries in flight than a server takes, all are answered; those that are given up make room", async () => {
  let parked = 0;
  let cancelled = 0;
  const query: ClientHandler["query"] = ({ query: bytes }, signal) => {
    if (bytes.length === 1) return Promise.resolve(create(QueryResponseSchema, { result: bytes }));
    parked++;
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  };
  const node = await open.start({ nodeId: 0, handler: handlerOf({ query }) });
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const given = new AbortController();
  const ask = (bytes: number, until = signal) =>
    client.query(node.address, create(QueryRequestSchema, { query: new Uint8Array(bytes) }), until);
  const stuck = Array.from({ length: 5000 }, () => errorOf(ask(2, given.signal)));
  const others = Array.from({ length: 5000 }, () => ask(1));
  await until(() => parked === 1024, "as many as are asked at a time");
  expect((await client.status(node.address, signal)).nodeId).toBe(3n);
  given.abort();
  expect(await Promise.all(others)).toHaveLength(5000);
  for (const error of await Promise.all(stuck)) expect(error).toMatchObject({ code: "cancelled" });
  expect(cancelled).toBe(parked);
});

test("large updates that were given up do not keep later ones from being answered", async () => {
  const parked = new Parked();
  const small = handlerOf();
  const handler = handlerOf({
    clientUpdate: (sent, signal) =>
      sent.update.length > 1000 ? parked.clientUpdate(sent, signal) : small.clientUpdate(sent, signal),
  });
  const node = await open.start({ nodeId: 0, handler });
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  for (let round = 0; round < 3; round++) {
    const abort = new AbortController();
    const started = parked.started;
    const large = Array.from({ length: 8 }, (_, i) =>
      errorOf(client.clientUpdate(node.address, update(100 * round + i, 1024 * 1024), abort.signal)),
    );
    await until(() => parked.started === started + 7, "as many as there is room for");
    abort.abort();
    expect((await client.clientUpdate(node.address, update(100 * round + 50), signal)).seq).toBe(
      BigInt(100 * round + 50),
    );
    expect((await client.status(node.address, signal)).nodeId).toBe(3n);
    expect((await Promise.all(large)).map(({ code }) => code)).toEqual(Array<string>(8).fill("cancelled"));
  }
  await until(() => parked.cancelled === parked.started, "the handler learnt it");
});

test("an update above the server's limit fails by itself, whether the server tells its limit or not", async () => {
  const parked = new Parked();
  const transport = { maxRequestBytes: 100_000 };
  const node = await open.start({ nodeId: 0, handler: handlerOf(parked), transport });
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const early = errorOf(client.clientUpdate(node.address, update(1, 1024 * 1024), signal));
  const others = [2, 3].map((timestamp) =>
    errorOf(client.clientUpdate(node.address, update(timestamp), signal)),
  );
  await until(() => parked.started === 2, "those that fit are under way");
  const late = errorOf(client.clientUpdate(node.address, update(4, 1024 * 1024), signal));
  const tooLarge = {
    code: "too_large",
    message: "the update has 1048576 bytes; the limit is 99936; split it",
  };
  expect(await Promise.all([early, late])).toMatchObject([tooLarge, tooLarge]);
  // Nobody checks before this one is sent.
  const raw = open.add(await RawConnection.client(node.port));
  raw.say({ updates: { updates: [update(1, 2 * 1024 * 1024), update(2)] } });
  await until(() => raw.heard.length === 1, "an answer");
  expect(raw.heard[0]?.answers?.answers).toMatchObject([
    { timestamp: 1n, failure: { code: FailureCode.TOO_LARGE } },
  ]);
  await until(() => parked.started === 3, "the other one is under way");
  expect([parked.cancelled, node.counts]).toEqual([0, {}]);
  await client.close();
  await Promise.all(others);
});
