// Queries on a stream of updates: its two ends, each by itself.
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  FailureCode,
  QueryRequestSchema,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  type QueryRequest,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { PendingUpdates, UpdateAllowance, UpdateStream, type UpdateStreamLimits } from "../src/index.js";
import { FaultRecorder } from "./fault-record.js";
import { query, SettlingHandler, update } from "./settling-handler.js";
import { errorOf, turn } from "./until.js";

const never = (): AbortSignal => new AbortController().signal;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const request = (first: number, bytes = 10): QueryRequest =>
  create(QueryRequestSchema, { query: new Uint8Array(bytes).fill(first) });

describe("the client's end", () => {
  const ids = (batch: UpdateBatch | undefined): number[] | undefined =>
    batch?.queries.map(({ id }) => Number(id));
  const abandoned = (batch: UpdateBatch | undefined): number[] | undefined =>
    batch?.abandonedQueries.map(({ id }) => Number(id));
  /** Answers with ten times the id as the seq. */
  const answers = (...of: number[]): UpdateAnswers => {
    const outcome = (id: number) => ({
      case: "response" as const,
      value: { seq: BigInt(10 * id), result: Uint8Array.of(id), nodeId: 3n },
    });
    return create(UpdateAnswersSchema, {
      queryAnswers: of.map((id) => ({ id: BigInt(id), outcome: outcome(id) })),
    });
  };

  test("queries leave together, beside updates, and answers find their callers in any order", async () => {
    let told = 0;
    const pending = new PendingUpdates("server:1", () => told++);
    const calls = [pending.query(request(1), never()), pending.query(request(1), never())];
    const ordered = pending.clientUpdate(update(1), never());
    calls.push(pending.query(request(2), never()));
    expect(told).toBeGreaterThan(0);
    const batch = pending.takeBatch();
    // What is asked twice is asked twice: the state may change in between.
    expect(ids(batch)).toEqual([1, 2, 3]);
    expect(batch?.queries.map((sent) => sent.request?.query[0])).toEqual([1, 1, 2]);
    expect(batch?.updates.map(({ timestamp }) => timestamp)).toEqual([1n]);
    pending.answered(answers(3, 1));
    pending.answered(
      create(UpdateAnswersSchema, { answers: [{ clientId: 7n, timestamp: 1n, seq: 4n }], leaderId: 2n }),
    );
    pending.answered(answers(2));
    expect(await Promise.all(calls)).toMatchObject([{ seq: 10n, nodeId: 3n }, { seq: 20n }, { seq: 30n }]);
    expect(await ordered).toMatchObject({ seq: 4n, leaderId: 2n });
    expect(pending.length).toBe(0);
  });

  test("each fails by itself; an answer that says nothing is no answer", async () => {
    const pending = new PendingUpdates("server:1", () => undefined);
    const calls = [1, 2, 3].map((first) => errorOf(pending.query(request(first), never())));
    pending.takeBatch();
    pending.answered(
      create(UpdateAnswersSchema, {
        queryAnswers: [
          {
            id: 2n,
            outcome: { case: "failure", value: { code: FailureCode.INVALID, detail: "no such\nkey" } },
          },
          { id: 1n },
        ],
      }),
    );
    pending.answered(answers(3, 3, 99));
    expect(await Promise.all(calls)).toMatchObject([
      { code: "unavailable", message: expect.stringContaining("it answers a query with something unknown") },
      { code: "invalid", message: "no such key" },
      "no error",
    ]);
  });

  test("one that is given up before it was sent is not sent; one that was sent is abandoned, and makes room", async () => {
    const pending = new PendingUpdates("server:1", () => undefined, { maxUpdatesSent: 2 });
    const aborts = numbers(4).map(() => new AbortController());
    const calls = aborts.map(({ signal }, index) => errorOf(pending.query(request(index), signal)));
    aborts[0]?.abort();
    expect(ids(pending.takeBatch())).toEqual([2, 3]);
    expect(pending.takeBatch()).toBeUndefined();
    aborts[1]?.abort(new DOMException("too late", "TimeoutError"));
    const batch = pending.takeBatch();
    expect([ids(batch), abandoned(batch)]).toEqual([[4], [2]]);
    expect(await Promise.all(calls.slice(0, 2))).toMatchObject([
      { code: "cancelled" },
      { code: "timed_out" },
    ]);
    // Its answer was on its way.
    pending.answered(answers(2, 3, 4));
    expect(await Promise.all(calls.slice(2))).toEqual(["no error", "no error"]);
    expect(pending.length).toBe(0);
  });

  test("they count as updates do, in what is sent and in what may wait", async () => {
    const pending = new PendingUpdates("server:1", () => undefined, { maxUpdates: 3, maxBytesSent: 300 });
    const calls = [
      pending.query(request(1, 100), never()),
      pending.clientUpdate(update(2, 100), never()),
      pending.query(request(3, 5000), never()),
    ].map(errorOf);
    expect(await errorOf(pending.query(request(4), never()))).toMatchObject({ code: "busy" });
    expect(await errorOf(pending.clientUpdate(update(4), never()))).toMatchObject({ code: "busy" });
    const first = pending.takeBatch();
    expect([ids(first), first?.updates.length]).toEqual([[1], 0]);
    pending.answered(answers(1));
    expect(pending.takeBatch()?.updates).toHaveLength(1);
    expect(pending.takeBatch()).toBeUndefined();
    pending.lost(new RequestError("unavailable", "gone"));
    expect(await Promise.all(calls)).toMatchObject([
      "no error",
      { code: "unavailable" },
      { message: "gone" },
    ]);
    expect(await errorOf(pending.query(request(5), never()))).toMatchObject({ message: "gone" });
  });

  test("one that is too large for the server fails alone, also when it waits already", async () => {
    const pending = new PendingUpdates("server:1", () => undefined);
    const calls = [10, 10_000].map((bytes) => errorOf(pending.query(request(1, bytes), never())));
    pending.restrict(1000);
    expect(await calls[1]).toMatchObject({ code: "too_large" });
    expect(await errorOf(pending.query(request(1, 1000), never()))).toMatchObject({
      code: "too_large",
      message: "the query has 1000 bytes; the limit is 936; ask for less at once",
    });
    expect(ids(pending.takeBatch())).toEqual([1]);
    pending.settleQuery(1n, new RequestError("busy", "later"));
    expect(await calls[0]).toMatchObject({ code: "busy" });
  });

  test("batches have about the size that is asked for", async () => {
    const pending = new PendingUpdates("server:1", () => undefined);
    const calls = [400, 400, 400, 5000, 1].map((bytes) => errorOf(pending.query(request(1, bytes), never())));
    const batches = numbers(5).map(() => ids(pending.takeBatch(1000)));
    expect(batches).toEqual([[1, 2], [3], [4], [5], undefined]);
    pending.lost(new RequestError("unavailable", "gone"));
    await Promise.all(calls);
  });
});

describe("the server's end", () => {
  class Fixture {
    readonly handler = new SettlingHandler();
    readonly faults = new FaultRecorder();
    readonly stream: UpdateStream;

    constructor(limits: Partial<UpdateStreamLimits> = {}) {
      this.stream = new UpdateStream(
        this.handler,
        this.faults,
        { maxRequestBytes: 10_000, ...limits },
        () => undefined,
      );
    }

    send(...ids: number[]): void {
      this.stream.take(create(UpdateBatchSchema, { queries: ids.map((id) => query(id)) }));
    }

    abandon(...ids: number[]): void {
      const abandonedQueries = ids.map((id) => ({ id: BigInt(id) }));
      this.stream.take(create(UpdateBatchSchema, { abandonedQueries }));
    }

    /** Those handed over, in their order. */
    get handed(): number[] {
      return this.handler.queries.map(({ first }) => first);
    }

    call(first: number): SettlingHandler["queries"][number] {
      const call = this.handler.queries.findLast((one) => one.first === first);
      if (call === undefined) throw new Error(`query ${first} was not handed over`);
      return call;
    }
  }

  const told = (answers: UpdateAnswers | undefined): (string | number)[] | undefined =>
    answers?.queryAnswers.map(({ id, outcome }) =>
      outcome.case === "failure" ? `${id} ${FailureCode[outcome.value.code]}` : Number(id),
    );

  test("answers leave in the order in which they become known, together, and each once", async () => {
    const fixture = new Fixture();
    fixture.send(1, 2, 3);
    expect(fixture.stream.takeAnswers()).toBeUndefined();
    fixture.call(3).answer();
    fixture.call(1).fail(new RequestError("busy", "later"));
    await turn();
    expect(fixture.stream.takeAnswers()?.queryAnswers).toMatchObject([
      { id: 3n, outcome: { case: "response", value: { seq: 3n, nodeId: 3n, result: Uint8Array.of(3) } } },
      { id: 1n, outcome: { case: "failure", value: { code: FailureCode.BUSY, detail: "later" } } },
    ]);
    expect(fixture.stream.takeAnswers()).toBeUndefined();
    expect(fixture.stream.length).toBe(1);
  });

  test("an id that is under way is left aside; once answered, it may come again", async () => {
    const fixture = new Fixture();
    fixture.send(1, 1);
    fixture.send(1);
    expect(fixture.handed).toEqual([1]);
    fixture.call(1).answer();
    await turn();
    expect(told(fixture.stream.takeAnswers())).toEqual([1]);
    fixture.send(1);
    expect(fixture.handed).toEqual([1, 1]);
  });

  test("one that is abandoned is aborted and not answered, whether the handler has it or not", async () => {
    const fixture = new Fixture({ maxQueriesAsked: 2 });
    fixture.send(1, 2, 3, 4);
    expect(fixture.handed).toEqual([1, 2]);
    fixture.abandon(3, 1, 77);
    expect(fixture.call(1).signal.aborted).toBe(true);
    expect(fixture.call(2).signal.aborted).toBe(false);
    await turn();
    // The handler has let go of the first; the third was never asked.
    expect(fixture.handed).toEqual([1, 2, 4]);
    fixture.call(2).answer();
    fixture.call(4).answer();
    await turn();
    fixture.abandon(2);
    expect(told(fixture.stream.takeAnswers())).toEqual([4]);
    expect(fixture.stream.length).toBe(0);
  });

  test("no request, one that is too large, and a failure that is the node's own affair are answered for", async () => {
    const fixture = new Fixture({ maxRequestBytes: 1000 });
    fixture.stream.take(
      create(UpdateBatchSchema, { queries: [{ id: 1n }, query(2, 937), query(3, 936), query(4)] }),
    );
    fixture.call(4).fail(new TypeError("secret"));
    await turn();
    expect(fixture.handed).toEqual([3, 4]);
    expect(told(fixture.stream.takeAnswers())).toEqual(["1 INVALID", "2 TOO_LARGE", "4 INTERNAL"]);
    expect(fixture.faults.count("failed_client_requests")).toBe(1);
  });

  test("they share what may be under way with updates; more are busy", async () => {
    const fixture = new Fixture({ allowance: new UpdateAllowance({ maxUpdates: 3 }) });
    fixture.stream.take(
      create(UpdateBatchSchema, { updates: [update(1)], queries: [query(1), query(2), query(3)] }),
    );
    const answers = fixture.stream.takeAnswers();
    expect(told(answers)).toEqual(["3 BUSY"]);
    expect(fixture.stream.hasRoom).toBe(true);
    fixture.abandon(1);
    fixture.send(4, 5);
    expect(fixture.handed).toEqual([1, 2, 4]);
    expect(told(fixture.stream.takeAnswers())).toEqual(["5 BUSY"]);
  });

  test("while too many answers wait to be taken, nothing more is asked of the handler", async () => {
    const fixture = new Fixture({ maxQueriesAsked: 2, maxAnswerBytes: 1000 });
    fixture.send(...numbers(5));
    expect(fixture.handed).toEqual([1, 2]);
    fixture.call(1).answer(2000);
    fixture.call(2).answer(2000);
    await turn();
    expect(fixture.handed).toEqual([1, 2]);
    expect(fixture.stream.hasRoom).toBe(false);
    expect(told(fixture.stream.takeAnswers(500))).toEqual([1]);
    expect(fixture.handed).toEqual([1, 2]);
    expect(told(fixture.stream.takeAnswers(500))).toEqual([2]);
    expect(fixture.handed).toEqual([1, 2, 3, 4]);
    fixture.call(3).answer(2000);
    await turn();
    fixture.abandon(3);
    // An answer that nobody wants holds up nothing.
    await turn();
    fixture.send();
    expect(fixture.handed).toEqual([1, 2, 3, 4, 5]);
  });

  test("at the end all are given up, and their room is free for other streams", async () => {
    const allowance = new UpdateAllowance({ maxUpdates: 4 });
    const fixture = new Fixture({ allowance, maxQueriesAsked: 1 });
    fixture.send(1, 2, 3, 4);
    fixture.stream.close();
    expect(fixture.call(1).signal.aborted).toBe(true);
    await turn();
    expect(fixture.handed).toEqual([1]);
    const other = new Fixture({ allowance });
    other.send(5, 6, 7, 8);
    expect(other.handed).toEqual([5, 6, 7, 8]);
  });
});
