import { create } from "@bufbuild/protobuf";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import { FailureCode, UpdateAnswersSchema, type UpdateBatch } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { PendingUpdates, type PendingUpdatesLimits } from "./pending-updates.js";
import { update } from "../test/settling-handler.js";
import { errorOf } from "../test/until.js";

const never = (): AbortSignal => new AbortController().signal;
const newPending = (limits?: PendingUpdatesLimits): PendingUpdates =>
  new PendingUpdates("server:1", () => undefined, limits);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const timestamps = (batch: UpdateBatch | undefined): number[] | undefined =>
  batch?.updates.map(({ timestamp }) => Number(timestamp));
const abandoned = (batch: UpdateBatch | undefined): number[] | undefined =>
  batch?.abandoned.map(({ timestamp }) => Number(timestamp));
/** Answers with the timestamp as the seq. */
const answers = (leaderId: bigint | undefined, ...ids: number[]) =>
  create(UpdateAnswersSchema, {
    answers: ids.map((id) => ({
      clientId: 7n,
      timestamp: BigInt(id),
      seq: BigInt(id),
      result: new Uint8Array([id]),
    })),
    ...(leaderId === undefined ? {} : { leaderId }),
  });
const failure = (timestamp: number, code: FailureCode) =>
  create(UpdateAnswersSchema, {
    answers: [{ clientId: 7n, timestamp: BigInt(timestamp), failure: { code, detail: "words" } }],
  });

test("updates leave together, and answers find their callers in any order", async () => {
  let told = 0;
  const pending = new PendingUpdates("server:1", () => told++);
  const calls = [1, 2, 3].map((timestamp) => pending.clientUpdate(update(timestamp), never()));
  expect(told).toBeGreaterThan(0);
  expect(timestamps(pending.takeBatch())).toEqual([1, 2, 3]);
  expect(pending.takeBatch()).toBeUndefined();
  pending.answered(answers(5n, 3, 1));
  pending.answered(answers(undefined, 2));
  expect(await calls[2]).toMatchObject({ seq: 3n, result: new Uint8Array([3]), leaderId: 5n });
  expect(await calls[0]).toMatchObject({ seq: 1n, leaderId: 5n });
  expect((await calls[1])?.leaderId).toBeUndefined();
  expect(pending.length).toBe(0);
});

test("batches have about the size that is asked for; a larger update goes alone", async () => {
  const pending = newPending();
  const sizes = [400, 400, 400, 5000, 1];
  const calls = sizes.map((bytes, index) => pending.clientUpdate(update(index + 1, bytes), never()));
  const batches: (number[] | undefined)[] = [];
  while (batches.at(-1)?.length !== 0) batches.push(timestamps(pending.takeBatch(1000)) ?? []);
  expect(batches).toEqual([[1, 2], [3], [4], [5], []]);
  pending.lost(new RequestError("unavailable", "gone"));
  await Promise.all(calls.map(errorOf));
});

test("callers of the same update share one request and its answer", async () => {
  const pending = newPending();
  const giveUp = new AbortController();
  const calls = [never(), giveUp.signal, never()].map((signal) => pending.clientUpdate(update(1), signal));
  expect(timestamps(pending.takeBatch())).toEqual([1]);
  calls.push(pending.clientUpdate(update(1), never()));
  giveUp.abort();
  // Others still want the answer.
  expect(pending.takeBatch()).toBeUndefined();
  expect(await errorOf(calls[1]!)).toMatchObject({ code: "cancelled" });
  pending.answered(answers(undefined, 1));
  expect(await Promise.all([calls[0], calls[2], calls[3]])).toMatchObject([
    { seq: 1n },
    { seq: 1n },
    { seq: 1n },
  ]);
});

test("an update given up before it was sent is not sent; one that was sent is abandoned", async () => {
  const pending = newPending();
  const first = new AbortController();
  const second = new AbortController();
  const calls = [first, second].map(({ signal }, index) => pending.clientUpdate(update(index + 1), signal));
  first.abort();
  const sent = pending.takeBatch();
  expect(timestamps(sent)).toEqual([2]);
  expect(abandoned(sent)).toEqual([]);
  second.abort(new DOMException("too late", "TimeoutError"));
  const batch = pending.takeBatch();
  expect(abandoned(batch)).toEqual([2]);
  expect(timestamps(batch)).toEqual([]);
  expect(await errorOf(calls[0]!)).toMatchObject({
    code: "cancelled",
    message: "the request to server:1 was cancelled",
  });
  expect(await errorOf(calls[1]!)).toMatchObject({
    code: "timed_out",
    message: "no answer from server:1 in time; try another server, or again later",
  });
  // The answer was under way already.
  pending.answered(answers(undefined, 2));
  expect(pending.length).toBe(0);
});

test("an update that is wanted again after it was abandoned goes no earlier than its abandonment", async () => {
  const pending = newPending({ maxUpdatesSent: 5000 });
  const signals = Array.from({ length: 5000 }, () => new AbortController());
  const calls = signals.map(({ signal }, index) => errorOf(pending.clientUpdate(update(index + 1), signal)));
  while (pending.takeBatch() !== undefined);
  for (const controller of signals) controller.abort();
  const again = pending.clientUpdate(update(5000), never());
  const first = pending.takeBatch();
  const second = pending.takeBatch();
  expect([first?.abandoned.length, first?.updates.length]).toEqual([4096, 0]);
  expect([second?.abandoned.length, timestamps(second)]).toEqual([904, [5000]]);
  pending.answered(answers(undefined, 5000));
  expect((await again).seq).toBe(5000n);
  await Promise.all(calls);
});

test("many callers with one signal are all told, and leave no listener behind", async () => {
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  const pending = newPending();
  const answered = [1, 2, 3].map((timestamp) => pending.clientUpdate(update(timestamp), signal));
  expect(listeners).toBe(1);
  pending.answered(answers(undefined, 1, 2, 3));
  await Promise.all(answered);
  expect(listeners).toBe(0);
  const aborted = [4, 5, 6].map((timestamp) => errorOf(pending.clientUpdate(update(timestamp), signal)));
  controller.abort();
  expect(await Promise.all(aborted)).toMatchObject([
    { code: "cancelled" },
    { code: "cancelled" },
    { code: "cancelled" },
  ]);
});

test("a signal that is aborted already rejects at once, and nothing is sent", async () => {
  const pending = newPending();
  expect(await errorOf(pending.clientUpdate(update(1), AbortSignal.abort()))).toMatchObject({
    code: "cancelled",
  });
  expect(pending.takeBatch()).toBeUndefined();
});

test.each<[FailureCode, RequestErrorCode, string]>([
  [FailureCode.BUSY, "busy", "words"],
  [FailureCode.TOO_LARGE, "too_large", "words"],
  [FailureCode.INVALID, "invalid", "words"],
  [FailureCode.EXPIRED, "expired", "words"],
  [FailureCode.UNAVAILABLE, "unavailable", "words"],
  [FailureCode.INTERNAL, "unavailable", "no answer from server:1: words; try another server, or again later"],
  [99 as FailureCode, "unavailable", "no answer from server:1: words; try another server, or again later"],
])("failure %d rejects as %s", async (code, expected, message) => {
  const pending = newPending();
  const call = errorOf(pending.clientUpdate(update(1), never()));
  pending.answered(failure(1, code));
  expect(await call).toMatchObject({ name: "RequestError", code: expected, message });
});

test("when the stream is lost all fail, sent or not, and later ones too", async () => {
  const pending = newPending();
  const sent = errorOf(pending.clientUpdate(update(1), never()));
  pending.takeBatch();
  const unsent = errorOf(pending.clientUpdate(update(2), never()));
  pending.lost(new RequestError("unavailable", "gone"));
  const later = errorOf(pending.clientUpdate(update(3), never()));
  const errors = await Promise.all([sent, unsent, later]);
  expect(errors).toMatchObject(
    errors.map(() => ({ name: "RequestError", code: "unavailable", message: "gone" })),
  );
  expect(new Set(errors).size).toBe(3);
  expect(pending.takeBatch()).toBeUndefined();
});

test("what is pending is bounded, by number and by bytes", async () => {
  const few = newPending({ maxUpdates: 2 });
  const calls = [1, 2, 3].map((timestamp) => errorOf(few.clientUpdate(update(timestamp), never())));
  expect(await calls[2]).toMatchObject({
    code: "busy",
    message: "2 updates and queries for server:1 are under way already; try again later",
  });
  few.answered(answers(undefined, 1));
  expect(await calls[0]).toBe("no error");
  const small = newPending({ maxBytes: 1000 });
  const sized = [1000, 1].map((bytes, index) =>
    errorOf(small.clientUpdate(update(index + 1, bytes), never())),
  );
  expect(await sized[1]).toMatchObject({ code: "busy" });
  small.answered(answers(undefined, 1));
  const again = small.clientUpdate(update(2), never());
  small.answered(answers(undefined, 2));
  expect((await again).seq).toBe(2n);
});

test("no more is sent than the server takes; answers and abandonments that were sent make room", async () => {
  let told = 0;
  const pending = new PendingUpdates("server:1", () => told++, { maxUpdatesSent: 3 });
  const abort = new AbortController();
  const calls = numbers(5).map((timestamp) =>
    errorOf(pending.clientUpdate(update(timestamp), timestamp === 2 ? abort.signal : never())),
  );
  expect(timestamps(pending.takeBatch())).toEqual([1, 2, 3]);
  expect(pending.takeBatch()).toBeUndefined();
  told = 0;
  pending.answered(answers(undefined, 1));
  expect(told).toBe(1);
  expect(timestamps(pending.takeBatch())).toEqual([4]);
  abort.abort();
  const batch = pending.takeBatch();
  expect([timestamps(batch), abandoned(batch)]).toEqual([[5], [2]]);
  pending.answered(answers(undefined, 3, 4, 5));
  await Promise.all(calls);
  expect(pending.length).toBe(0);
});

test("an update waits while it does not fit beside others, however large it is; alone it is sent", async () => {
  const pending = newPending({ maxBytesSent: 1000 });
  const calls = [400, 5000, 1].map((bytes, index) => pending.clientUpdate(update(index + 1, bytes), never()));
  expect(timestamps(pending.takeBatch())).toEqual([1]);
  expect(pending.takeBatch()).toBeUndefined();
  pending.answered(answers(undefined, 1));
  expect(timestamps(pending.takeBatch())).toEqual([2]);
  expect(pending.takeBatch()).toBeUndefined();
  pending.answered(answers(undefined, 2));
  expect(timestamps(pending.takeBatch())).toEqual([3]);
  pending.answered(answers(undefined, 3));
  await Promise.all(calls);
});

test("by default 4,096 updates and 8 MiB are sent at most", async () => {
  const many = newPending();
  const large = newPending();
  const calls = numbers(5000).map((timestamp) => errorOf(many.clientUpdate(update(timestamp), never())));
  const others = numbers(20).map((timestamp) =>
    errorOf(large.clientUpdate(update(timestamp, 1024 * 1024), never())),
  );
  const sent = (pending: PendingUpdates): number => {
    let count = 0;
    for (let batch = pending.takeBatch(); batch !== undefined; batch = pending.takeBatch())
      count += batch.updates.length;
    return count;
  };
  expect([sent(many), sent(large)]).toEqual([4096, 7]);
  for (const pending of [many, large]) pending.lost(new RequestError("unavailable", "gone"));
  await Promise.all([...calls, ...others]);
});

test("once the server has told its limit, larger updates fail by themselves, those that wait as well", async () => {
  const pending = newPending();
  const calls = [2000, 900].map((bytes, index) =>
    errorOf(pending.clientUpdate(update(index + 1, bytes), never())),
  );
  pending.restrict(1000);
  calls.push(errorOf(pending.clientUpdate(update(3, 2000), never())));
  const tooLarge = { code: "too_large", message: "the update has 2000 bytes; the limit is 936; split it" };
  expect(await Promise.all([calls[0], calls[2]])).toMatchObject([tooLarge, tooLarge]);
  expect(timestamps(pending.takeBatch())).toEqual([2]);
  pending.answered(answers(undefined, 2));
  expect(await calls[1]).toBe("no error");
});

test("what a server says of a failure is one line of bounded length", async () => {
  const pending = newPending();
  const call = errorOf(pending.clientUpdate(update(1), never()));
  const detail = `\u001b[2J two\r\nlines\u2028${"x".repeat(5000)}`;
  pending.answered(
    create(UpdateAnswersSchema, {
      answers: [{ clientId: 7n, timestamp: 1n, failure: { code: FailureCode.INVALID, detail } }],
    }),
  );
  const { message } = (await call) as Error;
  expect(message).toMatch(/^ \[2J two lines x{900,}$/);
  expect(message.length).toBeLessThanOrEqual(1000);
});
