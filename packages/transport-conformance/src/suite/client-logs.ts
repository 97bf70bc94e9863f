import { create } from "@bufbuild/protobuf";
import { LogRequestSchema, LogResponseSchema } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import type { Endpoints } from "./endpoints.js";
import { Endless, Handler, Holding, Waiting } from "./handlers.js";
import { numbers, update } from "./messages.js";
import { describeSubject } from "./subject.js";
import { collect, errorOf, until } from "./until.js";

/** Logs: streams of pieces, whose order is part of what they are. */
export function describeClientLogs(adapter: TransportAdapter): void {
  describeSubject("client logs", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testPieces(endpoints, kind);
      testEnds(endpoints, kind);
    });
  });
}

const never = (): AbortSignal => new AbortController().signal;
const following = create(LogRequestSchema, { fromSeq: 1n, follow: true });

function testPieces(endpoints: Endpoints, kind: string): void {
  test("the log comes to its end", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const log = endpoints.client(kind).log(address, create(LogRequestSchema, { fromSeq: 2n }), never());
    expect((await collect(log)).map(({ firstSeq }) => firstSeq)).toEqual([2n, 3n]);
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("an empty log ends at once", async () => {
    const { address } = await endpoints.serving(new Handler());
    const log = endpoints.client(kind).log(address, create(LogRequestSchema, { fromSeq: 9n }), never());
    expect(await collect(log)).toEqual([]);
  });

  test("very many pieces come complete and in their order, in two streams at once", async () => {
    const handler = new Handler();
    handler.log = async function* ({ fromSeq }) {
      for (const number of numbers(1000)) {
        const entries = [{ seq: BigInt(number), update: update(number) }];
        yield create(LogResponseSchema, { firstSeq: fromSeq, entries });
      }
    };
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const logs = [1n, 2n].map((fromSeq) =>
      collect(client.log(address, create(LogRequestSchema, { fromSeq }), never())),
    );
    for (const [index, pieces] of (await Promise.all(logs)).entries()) {
      expect(new Set(pieces.map(({ firstSeq }) => firstSeq))).toEqual(new Set([BigInt(index + 1)]));
      expect(pieces.map(({ entries }) => Number(entries[0]?.seq))).toEqual(numbers(1000));
    }
  });

  test("a log that nobody reads is not made further, and delays no other call", async () => {
    const handler = new Endless();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const log = client.log(address, create(LogRequestSchema), never())[Symbol.asyncIterator]();
    await log.next();
    // What the connection's buffers hold, and no more.
    let made = -1;
    let quietSince = performance.now();
    await until(() => {
      if (handler.made !== made) quietSince = performance.now();
      made = handler.made;
      return performance.now() - quietSince > 150;
    }, "the handler's stream is at rest");
    expect(handler.made).toBeLessThan(100);
    const calls = numbers(20).map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
    expect(await Promise.all(calls)).toHaveLength(20);
    expect((await client.status(address, never())).nodeId).toBe(3n);
    for (const _ of numbers(made + 10)) expect((await log.next()).done).toBe(false);
    await log.return?.();
    await until(() => handler.open === 0, "the handler's stream has ended");
  });
}

function testEnds(endpoints: Endpoints, kind: string): void {
  test("the log is followed until the caller has had enough, and the handler's stream ends then", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const seen: bigint[] = [];
    for await (const { firstSeq } of endpoints.client(kind).log(address, following, never())) {
      if (seen.push(firstSeq) === 10) break;
    }
    expect(seen).toEqual(numbers(10).map(BigInt));
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("the log is followed until the caller's signal is aborted", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const controller = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const { firstSeq } of client.log(address, following, controller.signal)) {
        if (firstSeq === 5n) controller.abort();
      }
    };
    expect(await errorOf(reading())).toMatchObject({ name: "RequestError", code: "cancelled" });
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("a caller that waits for the next piece is woken by its signal and by its deadline", async () => {
    const handler = new Waiting();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const controller = new AbortController();
    const cancelled = errorOf(collect(client.log(address, following, controller.signal)));
    const timedOut = errorOf(collect(client.log(address, following, AbortSignal.timeout(200))));
    await until(() => handler.open > 0, "one is open");
    controller.abort();
    expect(await cancelled).toMatchObject({ name: "RequestError", code: "cancelled" });
    expect(await timedOut).toMatchObject({ name: "RequestError", code: "timed_out" });
    await until(() => handler.open === 0, "both have ended");
  });

  test("a stream that its reader has stalled ends on the node when the reader's signal is aborted", async () => {
    const handler = new Endless();
    const { address } = await endpoints.serving(handler);
    const controller = new AbortController();
    const client = endpoints.client(kind);
    const log = client.log(address, create(LogRequestSchema), controller.signal)[Symbol.asyncIterator]();
    await log.next();
    expect(handler.open).toBe(1);
    controller.abort();
    await until(() => handler.open === 0, "the handler's stream has ended");
    const rest = errorOf(collect({ [Symbol.asyncIterator]: () => log }));
    expect(await rest).toMatchObject({ name: "RequestError", code: "cancelled" });
  });

  test("a stream that its reader has stalled ends on the node when the reader goes", async () => {
    const handler = new Endless();
    const { address } = await endpoints.serving(handler);
    const relay = await endpoints.relay(address);
    const client = endpoints.client(kind);
    const log = client.log(relay.address, create(LogRequestSchema), never())[Symbol.asyncIterator]();
    await log.next();
    relay.silence();
    expect(handler.open).toBe(1);
    await relay.close();
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("a log that is opened and never read, and one that is left unread at close, hold nothing open", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    client.log(address, following, never());
    const log = client.log(address, following, never())[Symbol.asyncIterator]();
    await log.next();
    await client.close();
    await until(() => handler.open === 0, "the handler's stream has ended");
    expect(handler.asked).toHaveLength(0);
  });
}
