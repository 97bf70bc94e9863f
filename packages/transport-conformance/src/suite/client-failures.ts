import { RequestError, type ClientTransport, type RequestErrorCode } from "@paxos/core";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { Failing, Handler, Holding } from "./handlers.js";
import { numbers, update } from "./messages.js";
import { callSlowly, slowKinds } from "./slow-calls.js";
import { openStream, streamKinds } from "./streams.js";
import { describeSubject } from "./subject.js";
import { collect, errorOf, until } from "./until.js";

/** What clients are told when they are not served, and when they give up. */
export function describeClientFailures(adapter: TransportAdapter): void {
  describeSubject("client failures", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testFailuresOfTheNode(endpoints, kind);
      testGivingUp(endpoints, kind);
      testBadRequests(endpoints, kind);
    });
  });
}

const never = (): AbortSignal => new AbortController().signal;

/** What each kind of call rejects with. */
const errorsOf = (client: ClientTransport, address: string, signal: AbortSignal): Promise<unknown[]> =>
  Promise.all([
    errorOf(client.clientUpdate(address, update(1), signal)),
    errorOf(client.status(address, signal)),
    errorOf(client.members(address, signal)),
    ...slowKinds.map((kind) => errorOf(callSlowly(kind, client, address, signal))),
    ...streamKinds.map((kind) => errorOf(collect(openStream(kind, client, address, signal)))),
  ]);

function testFailuresOfTheNode(endpoints: Endpoints, kind: string): void {
  test.each<RequestErrorCode>([
    "busy",
    "too_large",
    "invalid",
    "expired",
    "not_leader",
    "refused",
    "unavailable",
  ])("the node's %s reaches the caller with its words", async (code) => {
    const { address } = await endpoints.serving(
      new Failing(new RequestError(code, "some words: what to do")),
    );
    for (const error of await errorsOf(endpoints.client(kind), address, never())) {
      expect(error).toMatchObject({ name: "RequestError", code, message: "some words: what to do" });
    }
  });

  test("any other failure of the node shows nothing of its inside, and is logged and counted there", async () => {
    const server = await endpoints.serving(new Failing(new TypeError("secret")));
    for (const error of await errorsOf(endpoints.client(kind), server.address, never())) {
      expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
      expect((error as Error).message).toMatch(/internal error; the log of the node says more/);
      expect((error as Error).message).not.toMatch(/secret/);
    }
    expect(server.counter("failed_client_requests")).toBe(9);
    expect(server.warnings.join()).toMatch(/a client's request failed: TypeError: secret/);
  });

  test("a handler that throws instead of rejecting is answered for as well", async () => {
    const handler = new Handler();
    handler.clientUpdate = () => {
      throw new RequestError("busy", "come back later");
    };
    handler.log = handler.backup = () => {
      throw new TypeError("secret");
    };
    const server = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    expect(await errorOf(client.clientUpdate(server.address, update(1), never()))).toMatchObject({
      code: "busy",
      message: "come back later",
    });
    for (const stream of streamKinds) {
      const pieces = collect(openStream(stream, client, server.address, never()));
      expect(await errorOf(pieces)).toMatchObject({ code: "unavailable" });
    }
    expect(server.counter("failed_client_requests")).toBe(2);
  });

  test("one failed update disturbs no other", async () => {
    const handler = new Handler();
    const ordinary = handler.clientUpdate.bind(handler);
    handler.clientUpdate = (sent, signal) =>
      sent.timestamp % 2n === 0n
        ? Promise.reject(new RequestError("busy", "come back later"))
        : ordinary(sent, signal);
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const calls = numbers(20).map((timestamp) =>
      client.clientUpdate(address, update(timestamp), never()).then(
        ({ seq }) => Number(seq),
        ({ code }: RequestError) => code,
      ),
    );
    expect(await Promise.all(calls)).toEqual(numbers(20).map((n) => (n % 2 === 0 ? "busy" : n)));
  });
}

function testGivingUp(endpoints: Endpoints, kind: string): void {
  test("a cancelled call rejects at once, the handler learns it, and other calls go on", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const controller = new AbortController();
    const call = errorOf(client.clientUpdate(address, update(1), controller.signal));
    const other = client.clientUpdate(address, update(2), never());
    await until(() => handler.asked.length === 2, "the handler was called");
    controller.abort();
    expect(await call).toMatchObject({ name: "RequestError", code: "cancelled" });
    await until(() => handler.cancelled === 1, "the handler learnt it");
    handler.answer(2);
    expect((await other).seq).toBe(2n);
    expect(handler.cancelled).toBe(1);
  });

  test("a cancelled status rejects at once, though the node never answers", async () => {
    const handler = new Handler();
    let asked = false;
    handler.status = () => {
      asked = true;
      return new Promise(() => undefined);
    };
    const { address } = await endpoints.serving(handler);
    const controller = new AbortController();
    const call = errorOf(endpoints.client(kind).status(address, controller.signal));
    await until(() => asked, "the handler was called");
    controller.abort();
    expect(await call).toMatchObject({ name: "RequestError", code: "cancelled" });
  });

  test.each(slowKinds)("a cancelled %s rejects at once, and the handler learns it", async (slow) => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const controller = new AbortController();
    const call = errorOf(callSlowly(slow, client, address, controller.signal));
    const other = errorOf(callSlowly(slow, client, address, AbortSignal.timeout(200)));
    await until(() => (handler.slow.get(slow)?.asked ?? 0) > 0, "the handler was called");
    controller.abort();
    expect(await call).toMatchObject({ name: "RequestError", code: "cancelled" });
    expect(await other).toMatchObject({ name: "RequestError", code: "timed_out" });
    await until(() => handler.allCancelled, "the handler learnt it");
  });

  test("a call whose deadline passes is timed out, and the handler learns it", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const error = await errorOf(
      endpoints.client(kind).clientUpdate(address, update(1), AbortSignal.timeout(200)),
    );
    expect(error).toMatchObject({ name: "RequestError", code: "timed_out" });
    expect((error as Error).message).toMatch(/^no answer from 127\.0\.0\.1:\d+ in time/);
    await until(() => handler.asked.length === handler.cancelled, "the handler learnt it");
  });

  test("a deadline passes while the connection is still being made, too", async () => {
    const { address } = await endpoints.serving(new Handler());
    const relay = await endpoints.relay(address);
    relay.silence();
    const client = endpoints.client(kind);
    for (const error of await errorsOf(client, relay.address, AbortSignal.timeout(50))) {
      expect(error).toMatchObject({ name: "RequestError", code: "timed_out" });
    }
  });

  test("a signal that is aborted already rejects, and nothing is sent", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    for (const error of await errorsOf(client, address, AbortSignal.abort())) {
      expect(error).toMatchObject({ name: "RequestError", code: "cancelled" });
    }
    await client.status(address, never());
    expect(handler.asked).toHaveLength(0);
  });
}

function testBadRequests(endpoints: Endpoints, kind: string): void {
  test("an update above the limit is refused before it is sent", async () => {
    const { address } = await endpoints.serving(new Holding());
    const sent = update(1, 3 * 1024 * 1024);
    const error = await errorOf(endpoints.client(kind).clientUpdate(address, sent, never()));
    expect(error).toMatchObject({ name: "RequestError", code: "too_large" });
    expect((error as Error).message).toMatch(/the update has 3145728 bytes; the limit is \d+/);
  });

  test("the limit is an option, and what just fits is sent", async () => {
    const { address } = await endpoints.serving(new Handler(), { maxRequestBytes: 10_000 });
    const client = endpoints.client(kind, { maxRequestBytes: 10_000 });
    const error = (await errorOf(client.clientUpdate(address, update(1, 20_000), never()))) as Error;
    expect(error).toMatchObject({ code: "too_large" });
    const limit = Number(/the limit is (\d+)/.exec(error.message)?.[1]);
    expect((await client.clientUpdate(address, update(2, limit), never())).seq).toBe(2n);
  });

  test("a malformed address is invalid, and quoted", async () => {
    for (const error of await errorsOf(endpoints.client(kind), "nonsense", never())) {
      expect(error).toMatchObject({ name: "RequestError", code: "invalid" });
      expect((error as Error).message).toMatch(/^"nonsense" is no address/);
    }
  });

  test("a closed transport rejects", async () => {
    const { address } = await endpoints.serving(new Handler());
    const client = endpoints.client(kind);
    await client.status(address, never());
    await client.close();
    for (const where of [address, nowhere]) {
      for (const error of await errorsOf(client, where, never())) {
        expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
      }
    }
  });
}
