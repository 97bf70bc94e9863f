import { create } from "@bufbuild/protobuf";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import { FailureCode, UpdateBatchSchema, type UpdateAnswers } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { UpdateStream, type UpdateStreamLimits } from "./update-stream.js";
import { FaultRecorder } from "../test/fault-record.js";
import { SettlingHandler, update } from "../test/settling-handler.js";
import { turn } from "../test/until.js";

class Fixture {
  readonly handler = new SettlingHandler();
  readonly faults = new FaultRecorder();
  answersTold = 0;
  roomTold = 0;
  readonly stream: UpdateStream;

  constructor(limits: Partial<UpdateStreamLimits> = {}) {
    this.stream = new UpdateStream(
      this.handler,
      this.faults,
      { maxRequestBytes: 1_000_000, ...limits },
      { onAnswers: () => this.answersTold++, onRoom: () => this.roomTold++ },
    );
  }

  send(...timestamps: number[]): void {
    this.stream.take(
      create(UpdateBatchSchema, { updates: timestamps.map((timestamp) => update(timestamp)) }),
    );
  }

  abandon(...timestamps: number[]): void {
    const abandoned = timestamps.map((timestamp) => ({ clientId: 7n, timestamp: BigInt(timestamp) }));
    this.stream.take(create(UpdateBatchSchema, { abandoned }));
  }

  /** Timestamps of those handed over, in their order. */
  get handed(): number[] {
    return this.handler.calls.map((call) => Number(call.update.timestamp));
  }
}

const timestamps = (answers: UpdateAnswers | undefined): number[] | undefined =>
  answers?.answers.map(({ timestamp }) => Number(timestamp));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test("answers leave in the order in which they become known, together, and each once", async () => {
  const { stream, handler, send } = bound(new Fixture());
  send(1, 2, 3);
  expect(stream.takeAnswers()).toBeUndefined();
  handler.call(3).answer();
  handler.call(1).answer({ duplicate: true });
  await turn();
  expect(stream.takeAnswers()?.answers).toMatchObject([
    { clientId: 7n, timestamp: 3n, seq: 3n, result: new Uint8Array(10).fill(3), duplicate: false },
    { clientId: 7n, timestamp: 1n, seq: 1n, result: new Uint8Array(10).fill(1), duplicate: true },
  ]);
  expect(stream.takeAnswers()).toBeUndefined();
  expect(stream.length).toBe(1);
});

test("an update that comes again while it is under way is one request with one answer", async () => {
  const { stream, handler, send } = bound(new Fixture());
  send(1, 1);
  send(1);
  expect(handler.calls).toHaveLength(1);
  handler.call(1).answer();
  await turn();
  send(1);
  expect(timestamps(stream.takeAnswers())).toEqual([1]);
  // Once answered, it is a new request; the state machine's answer will be the same one.
  send(1);
  expect(handler.calls).toHaveLength(2);
});

test("two clients may use one timestamp", async () => {
  const { stream, handler } = new Fixture();
  stream.take(create(UpdateBatchSchema, { updates: [update(1, 1, 5n), update(1, 1, 6n)] }));
  for (const call of handler.calls) call.answer();
  await turn();
  expect(stream.takeAnswers()?.answers.map(({ clientId }) => clientId)).toEqual([5n, 6n]);
});

test("an abandoned update is aborted and not answered; it may come again", async () => {
  const { stream, handler, send, abandon } = bound(new Fixture());
  send(1, 2);
  abandon(1, 9);
  expect(handler.call(1).signal.aborted).toBe(true);
  expect(handler.call(2).signal.aborted).toBe(false);
  send(1);
  expect(handler.calls).toHaveLength(3);
  await turn();
  expect(stream.takeAnswers()).toBeUndefined();
  handler.call(1).answer();
  await turn();
  expect(timestamps(stream.takeAnswers())).toEqual([1]);
});

test("an update whose answer waits is not answered once it is abandoned", async () => {
  const { stream, handler, send, abandon } = bound(new Fixture());
  send(1, 2);
  handler.call(1).answer();
  handler.call(2).answer();
  await turn();
  abandon(1);
  expect(timestamps(stream.takeAnswers())).toEqual([2]);
  expect(stream.length).toBe(0);
});

test("no more than so many updates are under way; the rest of a batch waits in its order", async () => {
  const fixture = new Fixture({ maxUpdates: 3 });
  const { stream, handler, send, abandon } = bound(fixture);
  send(1, 2);
  expect(stream.hasRoom).toBe(true);
  send(3, 4, 5, 6);
  expect(stream.hasRoom).toBe(false);
  expect(fixture.handed).toEqual([1, 2, 3]);
  abandon(5);
  handler.call(2).answer();
  await turn();
  // Answered, but the client may not be reading.
  expect(fixture.handed).toEqual([1, 2, 3]);
  stream.takeAnswers();
  expect(fixture.handed).toEqual([1, 2, 3, 4]);
  expect(stream.hasRoom).toBe(false);
  expect(fixture.roomTold).toBe(0);
  for (const call of handler.calls) call.answer();
  await turn();
  stream.takeAnswers();
  expect(fixture.handed).toEqual([1, 2, 3, 4, 6]);
  expect(stream.hasRoom).toBe(true);
  expect(fixture.roomTold).toBe(1);
});

test("no more than so many bytes are under way, of updates and of answers that wait", async () => {
  const fixture = new Fixture({ maxBytes: 1000 });
  const { stream, handler } = fixture;
  stream.take(create(UpdateBatchSchema, { updates: [update(1, 500), update(2, 500), update(3, 500)] }));
  expect(fixture.handed).toEqual([1, 2]);
  handler.call(1).answer();
  await turn();
  expect(stream.hasRoom).toBe(false);
  stream.takeAnswers();
  expect(fixture.handed).toEqual([1, 2, 3]);
});

test("by default 4,096 updates and 8 MiB are under way at most", () => {
  const many = bound(new Fixture());
  for (let timestamp = 1; many.stream.hasRoom; timestamp++) many.send(timestamp);
  expect(many.handler.calls).toHaveLength(4096);
  const large = new Fixture({ maxRequestBytes: 2 * 1024 * 1024 });
  for (let timestamp = 1; large.stream.hasRoom; timestamp++)
    large.stream.take(create(UpdateBatchSchema, { updates: [update(timestamp, 1024 * 1024)] }));
  expect(large.handler.calls).toHaveLength(8);
});

test("an abandoned update counts until the handler has let go of it", async () => {
  const fixture = new Fixture({ maxUpdates: 2 });
  const { stream, handler, send, abandon } = bound(fixture);
  handler.stubborn = true;
  send(1, 2, 3);
  abandon(1, 2);
  expect(fixture.handed).toEqual([1, 2]);
  handler.call(1).fail(new Error("too late"));
  await turn();
  expect(fixture.handed).toEqual([1, 2, 3]);
  expect(stream.length).toBe(1);
  expect(fixture.faults.count("failed_client_requests")).toBe(0);
});

test("answers are taken in pieces of about the size that is asked for", async () => {
  const { stream, handler } = new Fixture();
  const updates = numbers(10).map((timestamp) => update(timestamp, 1000));
  stream.take(create(UpdateBatchSchema, { updates }));
  for (const call of handler.calls) call.answer();
  await turn();
  expect(timestamps(stream.takeAnswers(4500))).toEqual([1, 2, 3, 4]);
  expect(timestamps(stream.takeAnswers(1))).toEqual([5]);
  expect(timestamps(stream.takeAnswers())).toEqual([6, 7, 8, 9, 10]);
});

test("answers carry the leader that the last of them named", async () => {
  const { stream, handler, send } = bound(new Fixture());
  send(1, 2, 3);
  handler.call(1).answer();
  await turn();
  expect(stream.takeAnswers()?.leaderId).toBeUndefined();
  handler.call(2).answer({ leaderId: 4n });
  await turn();
  expect(stream.takeAnswers()?.leaderId).toBe(4n);
  handler.call(3).answer({ leaderId: 0n });
  await turn();
  expect(stream.takeAnswers()?.leaderId).toBe(0n);
});

test.each<[RequestErrorCode, FailureCode]>([
  ["busy", FailureCode.BUSY],
  ["too_large", FailureCode.TOO_LARGE],
  ["invalid", FailureCode.INVALID],
  ["expired", FailureCode.EXPIRED],
  ["unavailable", FailureCode.UNAVAILABLE],
  ["cancelled", FailureCode.UNAVAILABLE],
  ["timed_out", FailureCode.UNAVAILABLE],
])("a handler's %s reaches the client with its words", async (code, expected) => {
  const { stream, handler, faults, send } = bound(new Fixture());
  send(1);
  handler.call(1).fail(new RequestError(code, "what to do"));
  await turn();
  const answer = stream.takeAnswers()?.answers[0];
  expect(answer).toMatchObject({ timestamp: 1n, seq: 0n, failure: { code: expected, detail: "what to do" } });
  expect(faults.count("failed_client_requests")).toBe(0);
});

test("any other failure shows nothing of the inside of the node, and is counted and logged", async () => {
  const { stream, handler, faults, send } = bound(new Fixture());
  send(1);
  handler.call(1).fail(new TypeError("secret"));
  await turn();
  const failure = stream.takeAnswers()?.answers[0]?.failure;
  expect(failure).toMatchObject({
    code: FailureCode.INTERNAL,
    detail: "internal error; the log of the node says more",
  });
  expect(faults.count("failed_client_requests")).toBe(1);
  expect(faults.warnings.join()).toMatch(/a client's request failed: TypeError: secret/);
});

test("a handler that throws outright fails that update alone", async () => {
  const fixture = new Fixture();
  const { stream, handler, send } = bound(fixture);
  const usual = handler.clientUpdate.bind(handler);
  handler.clientUpdate = (sent, signal) => {
    if (sent.timestamp === 1n) throw new RequestError("invalid", "words");
    return usual(sent, signal);
  };
  send(1, 2);
  await turn();
  expect(stream.takeAnswers()?.answers).toMatchObject([{ timestamp: 1n, failure: { detail: "words" } }]);
  expect(fixture.handed).toEqual([2]);
});

test("an update above the limit of a request fails by itself", async () => {
  const fixture = new Fixture({ maxRequestBytes: 1064 });
  fixture.stream.take(create(UpdateBatchSchema, { updates: [update(1, 1001), update(2, 1000)] }));
  await turn();
  const failure = fixture.stream.takeAnswers()?.answers[0]?.failure;
  expect(failure).toMatchObject({ code: FailureCode.TOO_LARGE });
  expect(failure?.detail).toBe("the update has 1001 bytes; the limit is 1000; split it");
  expect(fixture.handed).toEqual([2]);
});

test("close aborts everything; nothing is taken or answered afterwards", async () => {
  const fixture = new Fixture({ maxUpdates: 2 });
  const { stream, handler, send } = bound(fixture);
  handler.stubborn = true;
  send(1, 2, 3);
  const told = fixture.answersTold;
  stream.close();
  expect(handler.calls.every(({ signal }) => signal.aborted)).toBe(true);
  for (const call of handler.calls) call.answer();
  await turn();
  send(4);
  expect(stream.takeAnswers()).toBeUndefined();
  expect(fixture.handed).toEqual([1, 2]);
  expect(fixture.answersTold).toBe(told);
});

/** The fixture's parts, with its methods free of it. */
function bound(fixture: Fixture): Pick<Fixture, "stream" | "handler" | "faults"> & {
  send: Fixture["send"];
  abandon: Fixture["abandon"];
} {
  const { stream, handler, faults } = fixture;
  return {
    stream,
    handler,
    faults,
    send: fixture.send.bind(fixture),
    abandon: fixture.abandon.bind(fixture),
  };
}
