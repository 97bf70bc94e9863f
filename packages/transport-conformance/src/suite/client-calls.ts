import { create } from "@bufbuild/protobuf";
import { GloballyOrderedUpdateSchema, Role } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { Handler, Holding } from "./handlers.js";
import { numbers, update } from "./messages.js";
import { callSlowly, slowKinds } from "./slow-calls.js";
import { openStream, streamKinds } from "./streams.js";
import { describeSubject } from "./subject.js";
import { collect, errorOf, until } from "./until.js";

/** What clients ask, and that they are answered. */
export function describeClientCalls(adapter: TransportAdapter): void {
  describeSubject("client calls", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testAnswers(endpoints, kind);
      testManyAtOnce(endpoints, kind);
      testFailover(endpoints, kind);
    });
  });
}

const never = (): AbortSignal => new AbortController().signal;

function testAnswers(endpoints: Endpoints, kind: string): void {
  test("an update arrives unchanged, and is answered", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const sent = update(7, 1000);
    sent.session = 5n;
    sent.answeredUpTo = 6n;
    const answer = endpoints.client(kind).clientUpdate(address, sent, never());
    await until(() => handler.asked.length === 1, "it arrived");
    expect(handler.asked[0]).toMatchObject({
      clientId: 0xffffffffffffffffn,
      timestamp: 7n,
      session: 5n,
      answeredUpTo: 6n,
    });
    expect(handler.asked[0]?.update).toEqual(sent.update);
    handler.answer(7);
    expect(await answer).toMatchObject({ seq: 7n, duplicate: false });
    expect((await answer).result).toEqual(new Uint8Array(1000).fill(7));
  });

  test("an update of a megabyte is answered with a megabyte; an empty one with nothing", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    const large = await client.clientUpdate(address, update(1, 1024 * 1024), never());
    expect(large.result).toHaveLength(1024 * 1024);
    const empty = await client.clientUpdate(address, update(2, 0), never());
    expect(empty).toMatchObject({ seq: 2n });
    expect(empty.result).toHaveLength(0);
  });

  test("an answer says who leads, and whether the update was a duplicate", async () => {
    const handler = new Handler();
    handler.clientUpdate = ({ timestamp }) =>
      Promise.resolve(
        create(GloballyOrderedUpdateSchema, { seq: 2n ** 60n, duplicate: true, leaderId: timestamp - 1n }),
      );
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    // Node 0 may lead as well.
    for (const leaderId of [0n, 2n]) {
      const answer = await client.clientUpdate(address, update(Number(leaderId) + 1), never());
      expect(answer).toMatchObject({ seq: 2n ** 60n, duplicate: true, leaderId });
    }
  });

  test("an answer of a node that knows no leader names none", async () => {
    const { address } = await endpoints.serving(new Handler());
    const answer = await endpoints.client(kind).clientUpdate(address, update(1), never());
    expect(answer.leaderId).toBeUndefined();
  });

  test("status is answered", async () => {
    const { address } = await endpoints.serving(new Handler());
    const status = await endpoints.client(kind).status(address, never());
    expect(status).toMatchObject({ nodeId: 3n, role: Role.LEADER });
  });

  test("a snapshot is taken, and said which", async () => {
    const { address } = await endpoints.serving(new Handler());
    const taken = await endpoints.client(kind).takeSnapshot(address, never());
    expect(taken).toMatchObject({ seq: 2n ** 60n, bytes: 2n ** 50n, firstSeq: 7n });
  });

  test("a node without a handler says that it serves no clients", async () => {
    const { address } = await endpoints.start({ nodeId: 0 });
    const client = endpoints.client(kind);
    const expected = {
      name: "RequestError",
      code: "unavailable",
      message: expect.stringContaining("this node serves no clients; ask another one"),
    };
    expect(await errorOf(client.clientUpdate(address, update(1), never()))).toMatchObject(expected);
    expect(await errorOf(client.status(address, never()))).toMatchObject(expected);
    expect(await errorOf(client.members(address, never()))).toMatchObject(expected);
    for (const slow of slowKinds)
      expect(await errorOf(callSlowly(slow, client, address, never()))).toMatchObject(expected);
    for (const stream of streamKinds) {
      const pieces = openStream(stream, client, address, never());
      expect(await errorOf(pieces.next())).toMatchObject(expected);
    }
  });
}

function testManyAtOnce(endpoints: Endpoints, kind: string): void {
  test("many in flight are each given their own answer, in whatever order those come", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const signal = never();
    const calls = numbers(256).map((timestamp) => client.clientUpdate(address, update(timestamp), signal));
    await until(() => handler.asked.length === 256, "all have arrived");
    for (const timestamp of numbers(256).reverse()) handler.answer(timestamp);
    const answers = await Promise.all(calls);
    expect(answers.map(({ seq }) => Number(seq))).toEqual(numbers(256));
    expect(answers[6]?.result).toEqual(new Uint8Array(100).fill(7));
  });

  test("one slow call delays no other", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    let slowEnded = false;
    const slow = client.clientUpdate(address, update(1), never()).finally(() => (slowEnded = true));
    await until(() => handler.asked.length === 1, "the slow one is under way");
    for (const timestamp of numbers(20).map((number) => number + 1)) {
      const call = client.clientUpdate(address, update(timestamp), never());
      await until(() => handler.asked.length === timestamp, "arrived");
      handler.answer(timestamp);
      expect((await call).seq).toBe(BigInt(timestamp));
    }
    expect((await client.status(address, never())).nodeId).toBe(3n);
    expect(slowEnded).toBe(false);
    handler.answer(1);
    expect((await slow).seq).toBe(1n);
  });

  test("the same update of two callers is answered to both", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    const both = [1, 1].map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
    expect((await Promise.all(both)).map(({ seq }) => seq)).toEqual([1n, 1n]);
  });

  test("clients of one server get their own answers", async () => {
    const { address } = await endpoints.serving(new Handler());
    const calls = numbers(8).flatMap((number) => {
      const client = endpoints.client(kind);
      return numbers(8).map((other) => client.clientUpdate(address, update(number * 8 + other), never()));
    });
    const seqs = (await Promise.all(calls)).map(({ seq }) => Number(seq));
    expect(seqs).toEqual(numbers(64).map((number) => number + 8));
  });

  test("calls leave nothing on the caller's signal", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    const { signal } = new AbortController();
    let listening = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening--;
      remove(...args);
    };
    const calls = numbers(20).map((timestamp) => client.clientUpdate(address, update(timestamp), signal));
    await Promise.all([...calls, client.status(address, signal), client.members(address, signal)]);
    await Promise.all(slowKinds.map((slow) => callSlowly(slow, client, address, signal)));
    for (const stream of streamKinds) await collect(openStream(stream, client, address, signal));
    expect(listening).toBe(0);
  });
}

function testFailover(endpoints: Endpoints, kind: string): void {
  test("a refused port is unavailable at once, and another server answers", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    const start = performance.now();
    const error = await errorOf(client.clientUpdate(nowhere, update(1), never()));
    expect(performance.now() - start).toBeLessThan(1500);
    expect(error).toMatchObject({
      name: "RequestError",
      code: "unavailable",
      message: expect.stringMatching(/^no answer from 127\.0\.0\.1:9: .*ECONNREFUSED.*; try another server/),
    });
    expect((await client.clientUpdate(address, update(2), never())).seq).toBe(2n);
  });

  test("a dead and a silent server delay no calls to another", async () => {
    const { address } = await endpoints.serving(new Handler());
    const relay = await endpoints.relay(address);
    relay.silence();
    const client = endpoints.client(kind);
    const silent = errorOf(client.clientUpdate(relay.address, update(1), never()));
    const dead = errorOf(client.clientUpdate(nowhere, update(2), never()));
    const answers = await Promise.all(
      numbers(50).map((timestamp) => client.clientUpdate(address, update(timestamp), never())),
    );
    expect(answers).toHaveLength(50);
    expect(await dead).toMatchObject({ code: "unavailable" });
    await client.close();
    expect(await silent).toMatchObject({ code: "unavailable" });
  });

  test("a server that dies in the middle is unavailable; once it is back the same client reaches it", async () => {
    const handler = new Holding();
    const server = await endpoints.serving(handler);
    const { address } = server;
    const client = endpoints.client(kind);
    const calls = numbers(20).map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
    handler.length = Infinity;
    const others = [
      ...slowKinds.map((slow) => callSlowly(slow, client, address, never())),
      ...streamKinds.map((stream) => collect(openStream(stream, client, address, never()))),
    ];
    const errors = Promise.all([...calls, ...others].map(errorOf));
    await until(() => handler.asked.length === 20, "all updates are under way");
    await until(() => handler.open === 2 && handler.allAsked(1), "the others as well");
    await server.transport.close();
    for (const error of await errors) {
      expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    }
    await endpoints.start({ nodeId: 0, address, handler: new Handler() });
    await until(() => handler.cancelled === 20, "the old server's calls were aborted");
    expect((await client.clientUpdate(address, update(30), never())).seq).toBe(30n);
  });
}
