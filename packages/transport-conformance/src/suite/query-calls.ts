import { create } from "@bufbuild/protobuf";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import {
  Consistency,
  QueryRequestSchema,
  QueryResponseSchema,
  type QueryRequest,
  type QueryResponse,
} from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import type { Endpoints } from "./endpoints.js";
import { Handler } from "./handlers.js";
import { describeSubject } from "./subject.js";
import { numbers, update } from "./messages.js";
import { errorOf, until } from "./until.js";

/** What is asked of the state machine, and that the answers come. How these calls fail is tested with the others. */
export function describeQueryCalls(adapter: TransportAdapter): void {
  describeSubject("query calls", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testQueries(endpoints, kind);
      testManyAtOnce(endpoints, kind);
      testEndsOfMany(endpoints, kind);
    });
  });
}

const never = (): AbortSignal => new AbortController().signal;

function queryOf(bytes: number, consistency = Consistency.UNSPECIFIED): QueryRequest {
  return create(QueryRequestSchema, { query: new Uint8Array(bytes).fill(7), consistency });
}

function testQueries(endpoints: Endpoints, kind: string): void {
  test.each([Consistency.UNSPECIFIED, Consistency.LOCAL])(
    "consistency %i: nothing is changed",
    async (consistency) => {
      const { address } = await endpoints.serving(new Handler());
      const answer = await endpoints.client(kind).query(address, queryOf(1000, consistency), never());
      expect(answer).toMatchObject({ nodeId: 3n, seq: 2n ** 61n });
      expect(answer.result[0]).toBe(consistency);
      expect(answer.result.subarray(1)).toEqual(new Uint8Array(1000).fill(7));
    },
  );

  test("a query of a megabyte is answered with a megabyte; an empty one with next to nothing", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    expect((await client.query(address, queryOf(1024 * 1024), never())).result).toHaveLength(1024 * 1024 + 1);
    expect((await client.query(address, queryOf(0), never())).result).toHaveLength(1);
  });

  test("hundreds at once are answered, each with its own answer", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    const sizes = Array.from({ length: 500 }, (_, i) => i);
    const answers = await Promise.all(sizes.map((size) => client.query(address, queryOf(size), never())));
    expect(answers.map(({ result }) => result.length - 1)).toEqual(sizes);
  });

  test("one that exceeds the client's limit is refused, and so is one that exceeds the server's", async () => {
    const { address } = await endpoints.serving(new Handler(), { maxRequestBytes: 10_000 });
    const careful = endpoints.client(kind, { maxRequestBytes: 10_000 });
    expect(await errorOf(careful.query(address, queryOf(10_000), never()))).toMatchObject({
      code: "too_large",
    });
    const client = endpoints.client(kind);
    await client.query(address, queryOf(1), never());
    expect(await errorOf(client.query(address, queryOf(10_000), never()))).toMatchObject({
      code: "too_large",
    });
    // It was refused alone.
    expect((await client.query(address, queryOf(9_000), never())).result).toHaveLength(9_001);
  });
}

/** A query with this number in it. */
function numbered(number: number): QueryRequest {
  const query = new Uint8Array(4);
  new DataView(query.buffer).setUint32(0, number);
  return create(QueryRequestSchema, { query });
}

const numberOf = ({ query }: QueryRequest): number =>
  new DataView(query.buffer, query.byteOffset).getUint32(0);

/** The number of a query, as an answer of so many bytes. */
const answerTo = (number: number, bytes = 1): QueryResponse =>
  create(QueryResponseSchema, { seq: BigInt(number), result: new Uint8Array(bytes).fill(number) });

/** Answers queries when the test says so, and knows which of them were given up. */
class HoldingQueries extends Handler {
  readonly held = new Map<number, () => void>();
  readonly cancelled: number[] = [];

  override query(request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    const number = numberOf(request);
    return new Promise((resolve, reject) => {
      this.held.set(number, () => resolve(answerTo(number)));
      signal.addEventListener("abort", () => {
        if (!this.held.delete(number)) return;
        this.cancelled.push(number);
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }

  answer(number: number): void {
    this.held.get(number)?.();
    this.held.delete(number);
  }
}

function testManyAtOnce(endpoints: Endpoints, kind: string): void {
  test("each of many is given its own answer, in whatever order those come, updates between them", async () => {
    const handler = new HoldingQueries();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const signal = never();
    const queries = numbers(256).map((number) => client.query(address, numbered(number), signal));
    const updates = numbers(256).map((number) => client.clientUpdate(address, update(number), signal));
    expect((await Promise.all(updates)).map(({ seq }) => Number(seq))).toEqual(numbers(256));
    await until(() => handler.held.size === 256, "all have arrived");
    for (const number of numbers(256).reverse()) handler.answer(number);
    const answers = await Promise.all(queries);
    expect(answers.map(({ seq, result: [first] }) => [Number(seq), first])).toEqual(
      numbers(256).map((number) => [number, number % 256]),
    );
  });

  test("each fails by itself, with the code and the words that the node has for it", async () => {
    const codes: RequestErrorCode[] = ["busy", "invalid", "unavailable", "too_large"];
    const handler = new Handler();
    handler.query = async (request) => {
      const number = numberOf(request);
      const code = codes[number % 5];
      if (code !== undefined) throw new RequestError(code, `not ${number}`);
      return answerTo(number);
    };
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const calls = numbers(100).map((number) => client.query(address, numbered(number), never()));
    const told = await Promise.all(
      calls.map((call) => call.then(({ seq }) => Number(seq)).catch((error: unknown) => error)),
    );
    const expected = numbers(100).map((number) => {
      const code = codes[number % 5];
      return code === undefined ? number : { name: "RequestError", code, message: `not ${number}` };
    });
    expect(told).toMatchObject(expected);
  });

  test("answers larger than what is sent together come whole, and small ones beside them", async () => {
    const handler = new Handler();
    const bytes = (number: number): number => (number % 3 === 0 ? 10 : 300_000 + number);
    handler.query = async (request) => answerTo(numberOf(request), bytes(numberOf(request)));
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const answers = await Promise.all(
      numbers(30).map((number) => client.query(address, numbered(number), never())),
    );
    for (const [index, { result }] of answers.entries()) {
      expect(result).toHaveLength(bytes(index + 1));
      expect([result[0], result.at(-1)]).toEqual([index + 1, index + 1]);
    }
  });

  test("a thousand at once are all answered, large ones among them", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    const sizes = numbers(1200).map((number) => (number % 80 === 0 ? 400_000 : number));
    const answers = await Promise.all(sizes.map((size) => client.query(address, queryOf(size), never())));
    expect(answers.map(({ result }) => result.length)).toEqual(sizes.map((size) => size + 1));
  });
}

function testEndsOfMany(endpoints: Endpoints, kind: string): void {
  test("those that are given up end at the node too, and no others do", async () => {
    const handler = new HoldingQueries();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const given = new AbortController();
    const signal = never();
    const calls = numbers(200).map((number) =>
      errorOf(client.query(address, numbered(number), number % 2 === 0 ? given.signal : signal)),
    );
    await until(() => handler.held.size === 200, "all have arrived");
    given.abort();
    await until(() => handler.cancelled.length === 100, "the node knows");
    expect(handler.cancelled.every((number) => number % 2 === 0)).toBe(true);
    for (const number of numbers(200)) handler.answer(number);
    const told = await Promise.all(calls);
    expect(told.filter((error) => error === "no error")).toHaveLength(100);
    for (const error of told.filter((outcome) => outcome !== "no error"))
      expect(error).toMatchObject({ name: "RequestError", code: "cancelled" });
  });

  test("when the connection is lost all are unavailable, and the next ones go on another", async () => {
    const handler = new HoldingQueries();
    const { address, transport } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const calls = numbers(100).map((number) => errorOf(client.query(address, numbered(number), never())));
    await until(() => handler.held.size === 100, "all are under way");
    for (const number of [7, 8]) handler.answer(number);
    expect(await Promise.all([calls[6], calls[7]])).toEqual(["no error", "no error"]);
    await transport.close();
    for (const error of (await Promise.all(calls)).toSpliced(6, 2))
      expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    await until(() => handler.cancelled.length === 98, "the handler knows that they are");
    await endpoints.start({ nodeId: 0, address, handler: new Handler() });
    expect((await client.query(address, queryOf(3), never())).result).toHaveLength(4);
  });
}
