import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler, type RequestErrorCode } from "@paxos/core";
import { LogRequestSchema, LogResponseSchema, Role } from "@paxos/proto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ConnectClientTransport } from "../src/index.js";
import { Endpoints, freePort, until, type Endpoint } from "./endpoint.js";
import { errorOf, Failing, Handler, Stuck, update } from "./handlers.js";
import { Proxy } from "./proxy.js";

const endpoints = new Endpoints();
const clients: ConnectClientTransport[] = [];
const proxies: Proxy[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await endpoints.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

function newClient(...options: ConstructorParameters<typeof ConnectClientTransport>): ConnectClientTransport {
  const client = new ConnectClientTransport(...options);
  clients.push(client);
  return client;
}

const serving = (handler: ClientHandler): Promise<Endpoint> => endpoints.start({ nodeId: 0, handler });
const never = (): AbortSignal => new AbortController().signal;
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const kinds = (["connect", "grpc"] as const).flatMap((protocol) =>
  (["stream", "unary"] as const).map((updates) => ({ protocol, updates })),
);

describe.each(kinds)("over $protocol, $updates", (options) => {
  test("an update is answered, also with many in flight", async () => {
    const { address } = await serving(new Handler());
    const client = newClient(options);
    const signal = never();
    const answers = await Promise.all(
      Array.from({ length: 256 }, (_, i) => client.clientUpdate(address, update(i), signal)),
    );
    expect(answers.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 256 }, (_, i) => i));
    expect(answers[7]?.result).toEqual(new Uint8Array(100).fill(7));
  });

  test("an update of a megabyte is answered", async () => {
    const { address } = await serving(new Handler());
    const answer = await newClient(options).clientUpdate(address, update(1, 1024 * 1024), never());
    expect(answer.result).toHaveLength(1024 * 1024);
  });

  test("status is answered", async () => {
    const { address } = await serving(new Handler());
    expect(await newClient(options).status(address, never())).toMatchObject({
      nodeId: 3n,
      role: Role.LEADER,
    });
  });

  test("the log comes to its end", async () => {
    const { address } = await serving(new Handler());
    const log = newClient(options).log(address, create(LogRequestSchema, { fromSeq: 1n }), never());
    expect((await collect(log)).map(({ firstSeq }) => firstSeq)).toEqual([1n, 2n, 3n]);
  });

  test("the log is followed until the caller has had enough, and the handler's stream ends then", async () => {
    const handler = new Handler();
    const { address } = await serving(handler);
    let seen = 0;
    for await (const _ of newClient(options).log(
      address,
      create(LogRequestSchema, { fromSeq: 1n, follow: true }),
      never(),
    )) {
      if (++seen === 10) break;
    }
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("the log is followed until the caller's signal is aborted", async () => {
    const handler = new Handler();
    const { address } = await serving(handler);
    const controller = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const { firstSeq } of newClient(options).log(
        address,
        create(LogRequestSchema, { fromSeq: 1n, follow: true }),
        controller.signal,
      )) {
        if (firstSeq === 5n) controller.abort();
      }
    };
    expect(await errorOf(reading())).toMatchObject({ name: "RequestError", code: "cancelled" });
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test.each<RequestErrorCode>(["busy", "too_large", "invalid", "expired", "unavailable", "cancelled"])(
    "the node's %s reaches the caller with its words",
    async (code) => {
      const { address } = await serving(new Failing(new RequestError(code, "some words: what to do")));
      const client = newClient(options);
      const expected = { name: "RequestError", code, message: "some words: what to do" };
      // On a stream, a node that has given up serves the update no further.
      const given = code === "cancelled" && options.updates === "stream" ? "unavailable" : code;
      expect(await errorOf(client.clientUpdate(address, update(1), never()))).toMatchObject({
        ...expected,
        code: given,
      });
      expect(await errorOf(client.status(address, never()))).toMatchObject(expected);
      expect(await errorOf(collect(client.log(address, create(LogRequestSchema), never())))).toMatchObject(
        expected,
      );
    },
  );

  test("any other failure of the node shows nothing of its inside, and is logged and counted there", async () => {
    const server = await serving(new Failing(new TypeError("secret")));
    const error = await errorOf(newClient(options).clientUpdate(server.address, update(1), never()));
    expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    expect((error as Error).message).toMatch(/internal error; the log of the node says more/);
    expect((error as Error).message).not.toMatch(/secret/);
    expect(server.counter("failed_client_requests")).toBe(1);
    expect(server.warnings.join()).toMatch(/a client's request failed: TypeError: secret/);
  });

  test("a cancelled call rejects at once, and the handler learns it", async () => {
    const handler = new Stuck();
    const { address } = await serving(handler);
    const controller = new AbortController();
    const error = errorOf(newClient(options).clientUpdate(address, update(1), controller.signal));
    await until(() => handler.started === 1, "the handler was called");
    controller.abort();
    expect(await error).toMatchObject({ name: "RequestError", code: "cancelled" });
    await until(() => handler.cancelled === 1, "the handler learnt it");
  });

  test("a call whose deadline passes is timed out", async () => {
    const { address } = await serving(new Stuck());
    const error = await errorOf(newClient(options).clientUpdate(address, update(1), AbortSignal.timeout(50)));
    expect(error).toMatchObject({ name: "RequestError", code: "timed_out" });
    expect((error as Error).message).toMatch(/no answer from 127\.0\.0\.1:\d+ in time/);
  });

  test("a refused port is unavailable at once, and another server answers", async () => {
    const refusing = `127.0.0.1:${await freePort()}`;
    const { address } = await serving(new Handler());
    const client = newClient(options);
    const start = performance.now();
    const error = await errorOf(client.clientUpdate(refusing, update(1), never()));
    expect(performance.now() - start).toBeLessThan(1000);
    expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    expect((error as Error).message).toMatch(/ECONNREFUSED/);
    expect((await client.clientUpdate(address, update(2), never())).seq).toBe(2n);
  });

  test("a server that dies in the middle is unavailable; once it is back the same client reaches it", async () => {
    const handler = new Stuck();
    const server = await serving(handler);
    const { address } = server;
    const client = newClient(options);
    const call = errorOf(client.clientUpdate(address, update(1), never()));
    const log = errorOf(
      collect(client.log(address, create(LogRequestSchema, { fromSeq: 1n, follow: true }), never())),
    );
    await until(() => handler.started === 1 && handler.open === 1, "both are under way");
    await server.transport.close();
    expect(await call).toMatchObject({ name: "RequestError", code: "unavailable" });
    expect(await log).toMatchObject({ name: "RequestError", code: "unavailable" });
    await endpoints.start({ nodeId: 0, address, handler: new Handler() });
    expect((await client.clientUpdate(address, update(2), never())).seq).toBe(2n);
  });

  test("a server that falls silent does not hold a call for ever, deadline or not", async () => {
    const server = await serving(new Handler());
    const proxy = new Proxy();
    proxies.push(proxy);
    const address = await proxy.start(server.port);
    const client = newClient({ ...options, keepAlive: { intervalMs: 50, timeoutMs: 100 } });
    await client.status(address, never());
    proxy.silence();
    expect(await errorOf(client.clientUpdate(address, update(1), never()))).toMatchObject({
      code: "unavailable",
    });
  });

  test("an update above the limit is refused before it is sent", async () => {
    const { address } = await serving(new Handler());
    const error = await errorOf(
      newClient(options).clientUpdate(address, update(1, 3 * 1024 * 1024), never()),
    );
    expect(error).toMatchObject({ name: "RequestError", code: "too_large" });
    expect((error as Error).message).toMatch(/the update has 3145728 bytes; the limit is 2097088/);
  });

  test("a signal that is aborted already, and a closed transport, reject", async () => {
    const { address } = await serving(new Handler());
    const client = newClient(options);
    expect(await errorOf(client.clientUpdate(address, update(1), AbortSignal.abort()))).toMatchObject({
      code: "cancelled",
    });
    await client.close();
    expect(await errorOf(client.clientUpdate(address, update(1), never()))).toMatchObject({
      code: "unavailable",
    });
    expect(await errorOf(collect(client.log(address, create(LogRequestSchema), never())))).toMatchObject({
      code: "unavailable",
    });
  });
});

test("a malformed address is invalid, and quoted", async () => {
  const error = await errorOf(newClient().status("nonsense", never()));
  expect(error).toMatchObject({ name: "RequestError", code: "invalid" });
  expect((error as Error).message).toMatch(/^"nonsense" is no address/);
});

test("a node without a handler says that it serves no clients", async () => {
  const { address } = await endpoints.start({ nodeId: 0 });
  const error = await errorOf(newClient().clientUpdate(address, update(1), never()));
  expect(error).toMatchObject({
    name: "RequestError",
    code: "unavailable",
    message: "this node serves no clients; ask another one",
  });
});

test("a stream that its reader has stalled ends on the node when the reader goes", async () => {
  const handler = new Handler();
  handler.log = async function* (this: Handler): ReturnType<ClientHandler["log"]> {
    this.open++;
    try {
      for (;;) yield create(LogResponseSchema, { entries: [{ update: update(1, 1_000_000) }] });
    } finally {
      this.open--;
    }
  };
  const server = await serving(handler);
  const proxy = new Proxy();
  proxies.push(proxy);
  const client = newClient();
  const stream = client
    .log(await proxy.start(server.port), create(LogRequestSchema), never())
    [Symbol.asyncIterator]();
  await stream.next();
  proxy.silence();
  expect(handler.open).toBe(1);
  await proxy.close();
  await until(() => handler.open === 0, "the handler's stream has ended");
  await client.close();
});
