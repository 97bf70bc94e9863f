import { create } from "@bufbuild/protobuf";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import {
  ClientUpdateSchema,
  FailureCode,
  UpdateBatchSchema,
  type ClientUpdate,
  type UpdateAnswers,
} from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { UpdateAllowance, type UpdateAllowanceLimits } from "./update-allowance.js";
import { UpdateStream, type UpdateStreamLimits } from "./update-stream.js";
import { collidingBigInts } from "../test/colliding-bigints.js";
import { FaultRecorder } from "../test/fault-record.js";
import { SettlingHandler, update } from "../test/settling-handler.js";
import { turn } from "../test/until.js";

class Fixture {
  readonly handler = new SettlingHandler();
  readonly faults = new FaultRecorder();
  answersTold = 0;
  readonly stream: UpdateStream;

  constructor(limits: Partial<UpdateStreamLimits> & UpdateAllowanceLimits = {}) {
    this.stream = new UpdateStream(
      this.handler,
      this.faults,
      { maxRequestBytes: 1_000_000, allowance: new UpdateAllowance(limits), ...limits },
      () => this.answersTold++,
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

const busyOf = (answers: UpdateAnswers | undefined): number[] =>
  (answers?.answers ?? [])
    .filter(({ failure }) => failure?.code === FailureCode.BUSY)
    .map(({ timestamp }) => Number(timestamp));

test("what there is no room for is answered as busy at once, and what comes after it is heard", async () => {
  const fixture = new Fixture({ maxUpdates: 3 });
  const { stream, handler, send, abandon } = bound(fixture);
  send(1, 2, 3, 4, 5);
  expect(fixture.handed).toEqual([1, 2, 3]);
  const answers = stream.takeAnswers();
  expect(busyOf(answers)).toEqual([4, 5]);
  expect(answers?.answers[0]?.failure?.detail).toBe(
    "3 updates and queries or 8388608 bytes of this connection are under way already; send more as answers come",
  );
  expect(stream.hasRoom).toBe(true);
  // An abandonment makes room at once, for the update beside it already.
  stream.take(
    create(UpdateBatchSchema, { updates: [update(6)], abandoned: [{ clientId: 7n, timestamp: 2n }] }),
  );
  expect(fixture.handed).toEqual([1, 2, 3, 6]);
  abandon(6);
  handler.call(1).answer();
  await turn();
  // There is room for the answered one, taken or not.
  send(7, 8, 9);
  expect(fixture.handed).toEqual([1, 2, 3, 6, 7, 8]);
  expect(timestamps(stream.takeAnswers())).toEqual([1, 9]);
});

test("no more than so many bytes are under way, but for one update alone", async () => {
  const fixture = new Fixture({ maxBytes: 1000 });
  const { stream, handler } = fixture;
  const take = (...updates: ClientUpdate[]) => stream.take(create(UpdateBatchSchema, { updates }));
  take(update(1, 5000), update(2, 1));
  expect(busyOf(stream.takeAnswers())).toEqual([2]);
  handler.call(1).answer();
  await turn();
  take(update(3, 500), update(4, 1000 - 564 - 64), update(5, 1));
  expect(fixture.handed).toEqual([1, 3, 4]);
  expect(timestamps(stream.takeAnswers())).toEqual([1, 5]);
});

test("by default 4,096 updates and 8 MiB are under way at most", () => {
  const many = bound(new Fixture());
  many.send(...numbers(5000));
  expect(many.handler.calls).toHaveLength(4096);
  const large = new Fixture({ maxRequestBytes: 2 * 1024 * 1024 });
  for (const timestamp of numbers(20))
    large.stream.take(create(UpdateBatchSchema, { updates: [update(timestamp, 1024 * 1024)] }));
  expect(large.handler.calls).toHaveLength(7);
});

test("streams may share what may be under way", () => {
  const allowance = new UpdateAllowance({ maxUpdates: 5 });
  const streams = numbers(3).map(() => bound(new Fixture({ allowance })));
  for (const { send } of streams) send(1, 2, 3);
  expect(streams.map(({ handler }) => handler.calls.length)).toEqual([3, 2, 0]);
  streams[0]?.stream.close();
  streams[2]?.send(4, 5, 6, 7);
  expect(streams[2]?.handler.calls).toHaveLength(3);
});

test("who abandons what the handler does not let go of finds no more room in the end", async () => {
  const fixture = new Fixture({ maxUpdates: 2 });
  const { stream, handler, send, abandon } = bound(fixture);
  handler.stubborn = true;
  for (const timestamp of numbers(10)) {
    send(timestamp);
    abandon(timestamp);
  }
  expect(fixture.handed).toEqual([1, 2, 3, 4]);
  handler.call(1).fail(new Error("too late"));
  await turn();
  send(11);
  expect(fixture.handed).toEqual([1, 2, 3, 4, 11]);
  handler.call(2).answer();
  handler.call(11).answer();
  await turn();
  expect(timestamps(stream.takeAnswers())).toEqual([11]);
  expect(fixture.faults.count("failed_client_requests")).toBe(0);
});

test("who does not take the answers should be read from no more", async () => {
  const { stream, handler, send } = bound(new Fixture({ maxUpdates: 10, maxAnswerBytes: 1000 }));
  send(...numbers(10));
  for (const call of handler.calls) call.answer();
  expect(stream.hasRoom).toBe(true);
  await turn();
  expect(stream.hasRoom).toBe(true);
  // Busy is an answer too.
  send(...numbers(20).map((timestamp) => 10 + timestamp));
  expect(stream.hasRoom).toBe(false);
  while (stream.takeAnswers(100) !== undefined);
  expect(stream.hasRoom).toBe(true);
});

test("ids that collide in a map of bigints take no longer than others", () => {
  const collide = collidingBigInts(30_000);
  const ids = (timestamps: readonly bigint[]) => timestamps.map((timestamp) => ({ clientId: 1n, timestamp }));
  const time = (timestamps: readonly bigint[]): number => {
    const { stream } = new Fixture({ maxUpdates: timestamps.length, maxBytes: Infinity });
    const updates = ids(timestamps).map((id) => create(ClientUpdateSchema, id));
    const start = performance.now();
    stream.take(create(UpdateBatchSchema, { updates }));
    return performance.now() - start;
  };
  const ordinary = time(collide.map((_, index) => BigInt(index) * 1_000_003n));
  // Quadratic, it would be more than a hundred times as long.
  expect(time(collide)).toBeLessThan(20 * ordinary + 500);
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
  ["not_leader", FailureCode.NOT_LEADER],
  ["refused", FailureCode.REFUSED],
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
  const fixture = new Fixture();
  const { stream, handler, send } = bound(fixture);
  handler.stubborn = true;
  send(1, 2);
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
