import { create } from "@bufbuild/protobuf";
import { Consistency, QueryRequestSchema, type QueryRequest } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import type { Endpoints } from "./endpoints.js";
import { Handler } from "./handlers.js";
import { describeSubject } from "./subject.js";
import { errorOf } from "./until.js";

/** What is asked of the state machine, and that the answers come. How these calls fail is tested with the others. */
export function describeQueryCalls(adapter: TransportAdapter): void {
  describeSubject("query calls", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testQueries(endpoints, kind);
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
