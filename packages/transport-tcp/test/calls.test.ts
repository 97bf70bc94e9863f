import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import type { ClientHandler } from "@paxos/core";
import {
  BackupPieceSchema,
  FailureCode,
  LogRequestSchema,
  LogResponseSchema,
  QueryResponseSchema,
  type Reply,
  type StatusResponse,
} from "@paxos/proto";
import { maxCalls, maxStreams } from "../src/call-server.js";
import { streamCredit } from "../src/frame-limits.js";
import { TcpClientTransport } from "../src/index.js";
import { Closables, errorOf, handlerOf, until, update } from "./endpoint.js";
import { RawConnection, RawServer } from "./raw-connection.js";

const open = new Closables();
afterEach(() => open.close());

/** Streams without end, that know how much of them was read. */
class EndlessStreams {
  pieces = 0;
  open = 0;

  async *log(_request: unknown, signal: AbortSignal) {
    for await (const number of this.#numbers(signal))
      yield create(LogResponseSchema, { firstSeq: BigInt(number) });
  }

  async *backup(signal: AbortSignal) {
    for await (const index of this.#numbers(signal)) yield create(BackupPieceSchema, { index });
  }

  async *#numbers(signal: AbortSignal) {
    this.open++;
    try {
      while (!signal.aborted) yield ++this.pieces;
    } finally {
      this.open--;
    }
  }
}

async function started() {
  const endless = new EndlessStreams();
  const log = endless.log.bind(endless);
  const backup = endless.backup.bind(endless);
  const node = await open.start({ nodeId: 0, handler: handlerOf({ log, backup }) });
  const client = open.add(await RawConnection.client(node.port));
  const replies = () => client.heard.flatMap((frame) => frame.replies);
  return { endless, node, client, replies };
}

const streams = ["log", "backup"] as const;

test.each(streams)("of a %s no more comes than is taken, and other answers come meanwhile", async (kind) => {
  const { endless, client, replies } = await started();
  const pieces = () => replies().filter(({ type }) => type.case === kind).length;
  client.say({ calls: [{ id: 1n, type: { case: kind, value: {} } }] });
  await until(() => pieces() === streamCredit, "the first pieces");
  client.say({ calls: [{ id: 2n, type: { case: "status", value: {} } }] });
  client.say({ updates: { updates: [update(1)] } });
  await until(() => replies().some(({ id }) => id === 2n), "the status");
  await until(() => client.heard.some(({ answers }) => answers !== undefined), "an answer");
  expect([pieces(), endless.pieces]).toEqual([streamCredit, streamCredit]);
  client.say({ calls: [{ id: 1n, type: { case: "taken", value: 2 } }] });
  await until(() => pieces() === streamCredit + 2, "two more");
  // More than were sent cannot have been taken.
  client.say({ calls: [{ id: 1n, type: { case: "taken", value: 1000 } }] });
  await until(() => pieces() === 2 * streamCredit + 2, "as many as may be on their way");
  expect(endless.pieces).toBe(2 * streamCredit + 2);
  client.say({ calls: [{ id: 1n, type: { case: "cancel", value: true } }] });
  await until(() => endless.open === 0, "the end of the stream");
});

test("too many calls are refused, and there is room again when some have ended", async () => {
  const { endless, client, replies } = await started();
  const calls = Array.from({ length: maxStreams + 1 }, (_, i) => ({
    id: BigInt(i),
    type: { case: streams[(i + 1) % 2]!, value: {} },
  }));
  client.say({ calls });
  const failures = () =>
    replies().flatMap(({ id, type }) => (type.case === "failure" ? [[id, type.value.code]] : []));
  await until(() => failures().length > 0, "a failure");
  expect(failures()).toEqual([[BigInt(maxStreams), FailureCode.BUSY]]);
  client.say({ calls: calls.slice(0, 10).map(({ id }) => ({ id, type: { case: "cancel", value: true } })) });
  await until(() => endless.open === maxStreams - 10, "fewer streams");
  client.say({ calls: [{ id: 1000n, type: { case: "log", value: {} } }] });
  await until(() => replies().some(({ id }) => id === 1000n), "another log");
  expect(failures()).toHaveLength(1);
});

test.each(streams)("a server that sends more of a %s than was taken is closed", async (kind) => {
  const value = kind === "log" ? create(LogResponseSchema) : create(BackupPieceSchema);
  const piece = { id: 1n, type: { case: kind, value } as Reply["type"] };
  const server = await RawServer.listen((connection) => {
    connection.say({ serverHello: { protocolVersion: 1 } });
    connection.say({ replies: Array.from({ length: streamCredit + 2 }, () => piece) });
  });
  open.add(server);
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const pieces =
    kind === "log"
      ? client.log(server.address, create(LogRequestSchema), signal)
      : client.backup(server.address, signal);
  const error = await errorOf(
    (async () => {
      for await (const _ of pieces) await until(() => server.connections[0]?.closed === true, "closed");
    })(),
  );
  expect(error).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(`it sends more of a ${kind} than was taken`),
  });
});

test.each(streams)("a %s that is answered with something else fails", async (kind) => {
  const server = await RawServer.listen((connection) => {
    connection.say({ serverHello: { protocolVersion: 1 } });
    connection.say({ replies: [{ id: 1n, type: { case: "takeSnapshot", value: {} } }] });
  });
  open.add(server);
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const pieces =
    kind === "log"
      ? client.log(server.address, create(LogRequestSchema), signal)
      : client.backup(server.address, signal);
  expect(await errorOf(pieces.next())).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("it replies with takeSnapshot"),
  });
});

test("statuses that are given up count until they are known", async () => {
  let asked = 0;
  const status = () => {
    asked++;
    return new Promise<StatusResponse>(() => undefined);
  };
  const node = await open.start({ nodeId: 0, handler: handlerOf({ status }) });
  const client = open.add(await RawConnection.client(node.port));
  for (let id = 1n; id <= maxCalls; id++) {
    client.say({ calls: [{ id, type: { case: "status", value: {} } }] });
    client.say({ calls: [{ id, type: { case: "cancel", value: true } }] });
  }
  client.say({ calls: [{ id: 5000n, type: { case: "status", value: {} } }] });
  await until(() => client.heard.length === 1, "a failure");
  expect(client.heard[0]?.replies).toMatchObject([
    { id: 5000n, type: { case: "failure", value: { code: FailureCode.BUSY } } },
  ]);
  expect(asked).toBe(maxCalls);
});

test("a query may be sent as a call, or in a batch under an id of its own", async () => {
  const query: ClientHandler["query"] = async ({ query: bytes }) =>
    create(QueryResponseSchema, { seq: 4n, nodeId: 3n, result: bytes });
  const node = await open.start({ nodeId: 0, handler: handlerOf({ query }) });
  const client = open.add(await RawConnection.client(node.port));
  client.say({
    calls: [{ id: 1n, type: { case: "query", value: { query: Uint8Array.of(7) } } }],
    updates: { queries: [{ id: 1n, request: { query: Uint8Array.of(8) } }, { id: 2n }] },
  });
  const replies = () => client.heard.flatMap((frame) => frame.replies);
  const answers = () => client.heard.flatMap((frame) => frame.answers?.queryAnswers ?? []);
  await until(() => replies().length === 1 && answers().length === 2, "all are answered");
  expect(replies()).toMatchObject([
    { id: 1n, type: { case: "query", value: { seq: 4n, nodeId: 3n, result: Uint8Array.of(7) } } },
  ]);
  expect(answers().toSorted((a, b) => Number(a.id - b.id))).toMatchObject([
    { id: 1n, outcome: { case: "response", value: { seq: 4n, nodeId: 3n, result: Uint8Array.of(8) } } },
    { id: 2n, outcome: { case: "failure", value: { code: FailureCode.INVALID } } },
  ]);
  expect(node.counts).toEqual({});
});

test("a call of a kind that the node does not know is invalid", async () => {
  const { client, replies } = await started();
  client.say({ calls: [{ id: 9n }] });
  await until(() => replies().length === 1, "a reply");
  expect(replies()).toMatchObject([
    { id: 9n, type: { case: "failure", value: { code: FailureCode.INVALID } } },
  ]);
});

test("a change of the membership that is none is invalid, one above 64 KiB is too large, and the handler sees neither", async () => {
  const changeMembership = () => Promise.reject(new Error("asked"));
  const node = await open.start({ nodeId: 0, handler: handlerOf({ changeMembership }) });
  const client = open.add(await RawConnection.client(node.port));
  const move = { case: "move" as const, value: { nodeId: 1n, address: "x".repeat(64 * 1024) } };
  client.say({
    calls: [
      { id: 1n, type: { case: "changeMembership", value: {} } },
      { id: 2n, type: { case: "changeMembership", value: { change: { type: move } } } },
    ],
  });
  const replies = () => client.heard.flatMap((frame) => frame.replies);
  await until(() => replies().length === 2, "both are answered");
  expect(replies()).toMatchObject([
    { id: 1n, type: { case: "failure", value: { code: FailureCode.INVALID } } },
    { id: 2n, type: { case: "failure", value: { code: FailureCode.TOO_LARGE } } },
  ]);
  expect(node.counts).toEqual({});
});

test("a change of more members than a frame has elements closes its connection before it is decoded", async () => {
  const node = await open.start({ nodeId: 0, handler: handlerOf() });
  const client = open.add(await RawConnection.client(node.port));
  const voters = Array.from({ length: 65_536 }, () => ({}));
  const type = { case: "setMembers" as const, value: { voters } };
  client.say({ calls: [{ id: 1n, type: { case: "changeMembership", value: { change: { type } } } }] });
  await until(() => client.closed, "closed");
  expect(node.counts).toEqual({ closed_undecodable: 1 });
  expect(node.warnings.join()).toMatch(/more than 65536 elements/);
});

test("a reader that pauses holds up nothing else on its connection", async () => {
  const { endless, node } = await started();
  const client = open.add(new TcpClientTransport());
  const { signal } = new AbortController();
  const pieces = client.log(node.address, create(LogRequestSchema, { follow: true }), signal);
  let read = 0;
  for await (const { firstSeq } of pieces) {
    expect(firstSeq).toBe(BigInt(++read));
    if (read === 3) break;
  }
  expect(endless.pieces).toBeLessThanOrEqual(3 + streamCredit);
  await until(() => endless.open === 0, "the end of the log");

  const paused = client
    .log(node.address, create(LogRequestSchema, { follow: true }), signal)
    [Symbol.asyncIterator]();
  await paused.next();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.clientUpdate(node.address, update(i + 1), signal)),
  );
  expect(answers).toHaveLength(100);
  expect((await client.status(node.address, signal)).nodeId).toBe(3n);
  await paused.return?.(undefined);
  await until(() => endless.open === 0, "the end of the other log");
});
