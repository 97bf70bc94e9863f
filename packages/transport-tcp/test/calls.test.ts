import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { FailureCode, LogRequestSchema, LogResponseSchema, type StatusResponse } from "@paxos/proto";
import { maxCalls, maxLogs } from "../src/call-server.js";
import { logCredit } from "../src/frame-limits.js";
import { TcpClientTransport } from "../src/index.js";
import { Closables, handlerOf, until, update } from "./endpoint.js";
import { RawConnection } from "./raw-connection.js";

const open = new Closables();
afterEach(() => open.close());

/** A log without end, that knows how much of it was read. */
class EndlessLog {
  pieces = 0;
  open = 0;

  async *log(_request: unknown, signal: AbortSignal) {
    this.open++;
    try {
      while (!signal.aborted) yield create(LogResponseSchema, { firstSeq: BigInt(++this.pieces) });
    } finally {
      this.open--;
    }
  }
}

async function started() {
  const endless = new EndlessLog();
  const log = endless.log.bind(endless);
  const node = await open.start({ nodeId: 0, handler: handlerOf({ log }) });
  const client = open.add(await RawConnection.client(node.port));
  const replies = () => client.heard.flatMap((frame) => frame.replies);
  return { endless, node, client, replies };
}

test("of a log no more comes than is taken, and other answers come meanwhile", async () => {
  const { endless, client, replies } = await started();
  const pieces = () => replies().filter(({ type }) => type.case === "log").length;
  client.say({ calls: [{ id: 1n, type: { case: "log", value: {} } }] });
  await until(() => pieces() === logCredit, "the first pieces");
  client.say({ calls: [{ id: 2n, type: { case: "status", value: {} } }] });
  client.say({ updates: { updates: [update(1)] } });
  await until(() => replies().some(({ id }) => id === 2n), "the status");
  await until(() => client.heard.some(({ answers }) => answers !== undefined), "an answer");
  expect([pieces(), endless.pieces]).toEqual([logCredit, logCredit]);
  client.say({ calls: [{ id: 1n, type: { case: "taken", value: 2 } }] });
  await until(() => pieces() === logCredit + 2, "two more");
  // More than were sent cannot have been taken.
  client.say({ calls: [{ id: 1n, type: { case: "taken", value: 1000 } }] });
  await until(() => pieces() === 2 * logCredit + 2, "as many as may be on their way");
  expect(endless.pieces).toBe(2 * logCredit + 2);
  client.say({ calls: [{ id: 1n, type: { case: "cancel", value: true } }] });
  await until(() => endless.open === 0, "the end of the log");
});

test("too many calls are refused, and there is room again when some have ended", async () => {
  const { endless, client, replies } = await started();
  const calls = Array.from({ length: maxLogs + 1 }, (_, i) => ({
    id: BigInt(i),
    type: { case: "log" as const, value: {} },
  }));
  client.say({ calls });
  const failures = () =>
    replies().flatMap(({ id, type }) => (type.case === "failure" ? [[id, type.value.code]] : []));
  await until(() => failures().length > 0, "a failure");
  expect(failures()).toEqual([[BigInt(maxLogs), FailureCode.BUSY]]);
  client.say({ calls: calls.slice(0, 10).map(({ id }) => ({ id, type: { case: "cancel", value: true } })) });
  await until(() => endless.open === maxLogs - 10, "fewer logs");
  client.say({ calls: [{ id: 1000n, type: { case: "log", value: {} } }] });
  await until(() => replies().some(({ id }) => id === 1000n), "another log");
  expect(failures()).toHaveLength(1);
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

test("a call of a kind that the node does not know is invalid", async () => {
  const { client, replies } = await started();
  client.say({ calls: [{ id: 9n }] });
  await until(() => replies().length === 1, "a reply");
  expect(replies()).toMatchObject([
    { id: 9n, type: { case: "failure", value: { code: FailureCode.INVALID } } },
  ]);
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
  expect(endless.pieces).toBeLessThanOrEqual(3 + logCredit);
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
