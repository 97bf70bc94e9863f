import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  ClientService,
  ClientUpdateSchema,
  FailureCode,
  GloballyOrderedUpdateSchema,
  UpdateBatchSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ConnectClientTransport } from "../src/index.js";
import { maxUpdateStreams } from "../src/session-updates.js";
import { Endpoints, until, type Endpoint } from "./endpoint.js";
import { errorOf, Failing, Handler, Stuck, update } from "./handlers.js";
import { Proxy } from "./proxy.js";

const endpoints = new Endpoints();
const clients: ConnectClientTransport[] = [];
const proxies: Proxy[] = [];
const raws: RawStream[] = [];
afterEach(async () => {
  await Promise.all(raws.splice(0).map((raw) => raw.close()));
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
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Answers each update when told so. */
class Held extends Handler {
  readonly held = new Map<number, () => void>();
  override clientUpdate(sent: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return new Promise((resolve, reject) => {
      const answer = create(GloballyOrderedUpdateSchema, { seq: sent.timestamp, leaderId: 2n });
      this.held.set(Number(sent.timestamp), () => resolve(answer));
      signal.addEventListener("abort", () => {
        this.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }
}

/** A stream of updates by hand: what is put in is sent, what comes back is kept. */
class RawStream {
  readonly received: UpdateAnswers[] = [];
  error: unknown;
  ended = false;
  /** Batches that the connection has taken. */
  taken = 0;
  /** Reads no answers while set. */
  paused = false;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    client: Client<typeof ClientService>,
    batches: AsyncIterable<UpdateBatch> | Iterable<UpdateBatch>,
  ) {
    raws.push(this);
    this.#done = this.#run(client, batches);
  }

  get timestamps(): number[] {
    return this.received.flatMap(({ answers }) => answers.map(({ timestamp }) => Number(timestamp)));
  }

  /** Answers that say that there was no room. */
  get busy(): number {
    const codes = this.received.flatMap(({ answers }) => answers.map(({ failure }) => failure?.code));
    return codes.filter((code) => code === FailureCode.BUSY).length;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.paused = false;
    await this.#done;
  }

  async #run(
    client: Client<typeof ClientService>,
    batches: AsyncIterable<UpdateBatch> | Iterable<UpdateBatch>,
  ): Promise<void> {
    try {
      const sent = this.#counted(batches);
      for await (const answers of client.clientUpdates(sent, { signal: this.#abort.signal })) {
        this.received.push(answers);
        while (this.paused) await turn();
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }

  async *#counted(batches: AsyncIterable<UpdateBatch> | Iterable<UpdateBatch>): AsyncGenerator<UpdateBatch> {
    for await (const batch of batches) {
      if (this.#abort.signal.aborted) return;
      yield batch;
      this.taken++;
    }
  }
}

const batch = (...updates: ClientUpdate[]): UpdateBatch => create(UpdateBatchSchema, { updates });
/** Says one batch, and keeps the stream open. */
async function* forEver(first: UpdateBatch): AsyncGenerator<UpdateBatch> {
  yield first;
  await new Promise(() => undefined);
}
const connectClient = (address: string): Client<typeof ClientService> =>
  createClient(ClientService, createConnectTransport({ baseUrl: `http://${address}`, httpVersion: "2" }));
const grpcClient = (address: string): Client<typeof ClientService> =>
  createClient(ClientService, createGrpcTransport({ baseUrl: `http://${address}` }));

/** Waits until a number has stopped growing. */
async function settled(value: () => number): Promise<number> {
  let last = value();
  for (let calm = 0; calm < 100; calm++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (value() === last) continue;
    last = value();
    calm = 0;
  }
  return last;
}

describe.each(["connect", "grpc"] as const)("over %s", (protocol) => {
  test("many in flight are answered out of order, and one slow update delays nobody", async () => {
    const handler = new Held();
    const { address } = await serving(handler);
    const client = newClient({ protocol });
    const signal = never();
    const done: number[] = [];
    const calls = numbers(1000).map(async (timestamp) => {
      const { seq } = await client.clientUpdate(address, update(timestamp), signal);
      expect(seq).toBe(BigInt(timestamp));
      done.push(timestamp);
    });
    await until(() => handler.held.size === 1000, "all are with the handler");
    for (const timestamp of numbers(1000).reverse()) if (timestamp !== 500) handler.held.get(timestamp)?.();
    await until(() => done.length === 999, "all but the slow one are answered");
    expect(done[0]).toBe(1000);
    handler.held.get(500)?.();
    await Promise.all(calls);
    expect(done.at(-1)).toBe(500);
  });

  test("answers name the leader", async () => {
    const handler = new Held();
    const { address } = await serving(handler);
    const call = newClient({ protocol }).clientUpdate(address, update(1), never());
    await until(() => handler.held.size === 1, "it is with the handler");
    handler.held.get(1)?.();
    expect((await call).leaderId).toBe(2n);
  });
});

test("one of many that is given up reaches its handler's signal, and no other", async () => {
  const handler = new Held();
  const { address } = await serving(handler);
  const client = newClient();
  const controller = new AbortController();
  const kept = client.clientUpdate(address, update(1), never());
  const given = errorOf(client.clientUpdate(address, update(2), controller.signal));
  await until(() => handler.held.size === 2, "both are with the handler");
  controller.abort();
  expect(await given).toMatchObject({ name: "RequestError", code: "cancelled" });
  await until(() => handler.cancelled === 1, "the handler learnt it");
  handler.held.get(1)?.();
  expect((await kept).seq).toBe(1n);
  expect(handler.cancelled).toBe(1);
});

test("a stream that is lost with updates under way fails them all; the next call has a new one", async () => {
  const handler = new Stuck();
  const server = await serving(handler);
  const proxy = new Proxy();
  proxies.push(proxy);
  const address = await proxy.start(server.port);
  const client = newClient();
  const calls = numbers(50).map((timestamp) =>
    errorOf(client.clientUpdate(address, update(timestamp), never())),
  );
  await until(() => handler.started === 50, "all are with the handler");
  proxy.cut();
  for (const error of await Promise.all(calls)) {
    expect(error).toMatchObject({ name: "RequestError", code: "unavailable" });
    expect((error as Error).message).toMatch(
      /^no answer from 127\.0\.0\.1:\d+: .*; try another server, or again later$/,
    );
  }
  await until(() => handler.cancelled === 50, "the handler learnt it");
  const again = errorOf(client.clientUpdate(address, update(51), AbortSignal.timeout(20_000)));
  await until(() => handler.started === 51, "the call after the loss arrived");
  await client.close();
  expect(await again).toMatchObject({ code: "unavailable" });
});

test("a client that calls again in the very moment of the loss is not told of the old loss", async () => {
  const handler = new Stuck();
  const server = await serving(handler);
  const proxy = new Proxy();
  proxies.push(proxy);
  const address = await proxy.start(server.port);
  const client = newClient();
  const again = errorOf(
    client
      .clientUpdate(address, update(1), never())
      .catch(() => client.clientUpdate(address, update(2), never())),
  );
  await until(() => handler.started === 1, "it is with the handler");
  proxy.cut();
  await until(() => handler.started === 2, "the second call arrived");
  await client.close();
  expect(await again).toMatchObject({ code: "unavailable" });
});

test.each(["stream", "unary"] as const)("close tells calls under way (%s)", async (updates) => {
  const handler = new Stuck();
  const { address } = await serving(handler);
  const client = newClient({ updates });
  const call = errorOf(client.clientUpdate(address, update(1), never()));
  await until(() => handler.started === 1, "it is with the handler");
  await client.close();
  expect(await call).toMatchObject({ name: "RequestError", code: "unavailable" });
  expect((await call) as Error).toHaveProperty(
    "message",
    `no answer from ${address}: the client transport was closed; try another server, or again later`,
  );
});

test("a client that sends for ever to a handler that never answers is told so, and heard", async () => {
  const handler = new Stuck();
  const { address } = await serving(handler);
  let timestamp = 0;
  const client = connectClient(address);
  let raw: RawStream | undefined;
  const endless = async function* (): AsyncGenerator<UpdateBatch> {
    while (timestamp < 50_000) {
      yield batch(...numbers(100).map(() => update(++timestamp, 1000)));
      await until(() => (raw?.busy ?? 0) > timestamp - 10_000, "most of them are answered");
    }
    yield create(UpdateBatchSchema, { abandoned: [{ clientId: update(1).clientId, timestamp: 1n }] });
    await new Promise(() => undefined);
  };
  raw = new RawStream(client, endless());
  await until(() => raw.busy === 50_000 - 4096, "all but those that the handler has are busy", 30_000);
  expect(handler.started).toBe(4096);
  await until(() => handler.cancelled === 1, "the abandonment was heard");
  expect(raw.ended).toBe(false);
  await raw.close();
  await until(() => handler.cancelled === 4096, "the handler learnt that the client has gone");
}, 60_000);

test("streams of one connection, and calls on it, share what may be under way", async () => {
  const handler = new Stuck();
  const { address } = await serving(handler);
  const client = connectClient(address);
  const streams = numbers(20).map((clientId) => {
    const updates = numbers(1000).map((timestamp) =>
      create(ClientUpdateSchema, { clientId: BigInt(clientId), timestamp: BigInt(timestamp) }),
    );
    return new RawStream(client, forEver(batch(...updates)));
  });
  const busy = () => streams.reduce((sum, stream) => sum + stream.busy, 0);
  await until(() => busy() === 20_000 - 4096, "all but 4,096 are busy");
  expect(handler.started).toBe(4096);
  expect(await errorOf(client.clientUpdate(update(1)))).toMatchObject({ code: Code.ResourceExhausted });
  // Another connection has its own.
  const other = new RawStream(connectClient(address), forEver(batch(update(1))));
  await until(() => handler.started === 4097, "that of another connection");
  expect(other.busy).toBe(0);
  await streams[0]?.close();
  await until(() => handler.cancelled > 0, "there is room again");
  const call = new AbortController();
  const started = handler.started;
  const alone = errorOf(client.clientUpdate(update(2), { signal: call.signal }));
  await until(() => handler.started === started + 1, "a call of its own is under way");
  call.abort();
  await alone;
});

test("too many streams of one connection are refused", async () => {
  const { address } = await serving(new Stuck());
  const client = connectClient(address);
  const streams = numbers(maxUpdateStreams).map(() => new RawStream(client, forEver(batch(update(1)))));
  const last = new RawStream(client, forEver(batch(update(1))));
  await until(() => last.ended || streams.some(({ ended }) => ended), "one is refused");
  const refused = [last, ...streams].filter(({ ended }) => ended);
  expect(refused.map(({ error }) => ConnectError.from(error).code)).toEqual([Code.ResourceExhausted]);
});

test("with more in flight than the server takes, all are answered", async () => {
  const { address } = await serving(new Handler());
  const client = newClient();
  const calls = numbers(10_000).map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
  expect((await Promise.all(calls)).map(({ seq }) => Number(seq))).toEqual(numbers(10_000));
});

test("updates that were given up, many or large, do not keep later ones from being answered", async () => {
  const stuck = new Stuck();
  const handler = new Handler();
  const usual = handler.clientUpdate.bind(handler);
  handler.clientUpdate = (sent, signal) =>
    sent.timestamp < 1_000_000n ? stuck.clientUpdate(sent, signal) : usual(sent, signal);
  const { address } = await serving(handler);
  const client = newClient();
  let last = 1_000_000;
  for (const [count, bytes, room] of [
    [5000, 100, 4096],
    [8, 1024 * 1024, 7],
    [8, 1024 * 1024, 7],
  ] as const) {
    const abort = new AbortController();
    const before = stuck.started;
    const calls = numbers(count).map((timestamp) =>
      errorOf(client.clientUpdate(address, update(timestamp, bytes), abort.signal)),
    );
    await until(() => stuck.started === before + room, "as many as there is room for");
    expect((await client.status(address, never())).nodeId).toBe(3n);
    abort.abort();
    expect((await client.clientUpdate(address, update(++last), never())).seq).toBe(BigInt(last));
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: "cancelled" });
  }
  await until(() => stuck.cancelled === stuck.started, "the handler learnt it");
});

test.each([
  ["larger than the server takes", 100_000, 1024 * 1024],
  ["larger than the server reads", 2 * 1024 * 1024, 4 * 1024 * 1024],
])("an update %s is too large, and the others go on", async (_, maxRequestBytes, bytes) => {
  const handler = new Held();
  const { address } = await endpoints.start({ nodeId: 0, handler, transport: { maxRequestBytes } });
  for (const updates of ["stream", "unary"] as const) {
    const client = newClient({ updates, maxRequestBytes: 16 * 1024 * 1024 });
    const others = [1, 2].map((timestamp) => client.clientUpdate(address, update(timestamp), never()));
    await until(() => handler.held.size === 2, "the others are under way");
    expect(await errorOf(client.clientUpdate(address, update(3, bytes), never()))).toMatchObject({
      name: "RequestError",
      code: "too_large",
      message: expect.stringContaining(`the update has ${bytes} bytes; `),
    });
    for (const answer of handler.held.values()) answer();
    expect((await Promise.all(others)).map(({ seq }) => seq)).toEqual([1n, 2n]);
    handler.held.clear();
  }
});

test("a large update is answered with all that a small one is", async () => {
  const handler = new Held();
  const { address } = await serving(handler);
  const client = newClient();
  const call = client.clientUpdate(address, update(1, 1024 * 1024), never());
  await until(() => handler.held.size === 1, "it is under way");
  handler.held.get(1)?.();
  const { seq, leaderId } = await call;
  expect({ seq, leaderId }).toEqual({ seq: 1n, leaderId: 2n });
});

test("what a server says of a failure is one line of bounded length", async () => {
  const words = `\u001b[2J two\nlines ${"x".repeat(5000)}`;
  const { address } = await serving(new Failing(new RequestError("invalid", words)));
  const client = newClient();
  const calls = [client.clientUpdate(address, update(1), never()), client.status(address, never())];
  for (const error of await Promise.all(calls.map(errorOf))) {
    const { message } = error as Error;
    expect(message).toMatch(/^ \[2J two lines x{900,}$/);
    expect(message.length).toBeLessThanOrEqual(1000);
  }
});

test("a client that does not read its answers is read from no more, until it does", async () => {
  let started = 0;
  const handler = new Handler();
  handler.clientUpdate = ({ timestamp }) => {
    started++;
    return Promise.resolve(
      create(GloballyOrderedUpdateSchema, { seq: timestamp, result: new Uint8Array(50_000) }),
    );
  };
  const server = await serving(handler);
  const proxy = new Proxy();
  proxies.push(proxy);
  const total = 4000;
  const batches = numbers(total).map((timestamp) => batch(update(timestamp, 10)));
  const raw = new RawStream(connectClient(await proxy.start(server.port)), batches);
  raw.paused = true;
  const before = await settled(() => started);
  // 200 MB of answers would be there to take.
  expect(before).toBeLessThan(total);
  raw.paused = false;
  await until(() => raw.ended, "the stream has ended", 60_000);
  expect(raw.error).toBeUndefined();
  expect(raw.timestamps.sort((a, b) => a - b)).toEqual(numbers(total));
}, 90_000);

test.each([
  ["connect", connectClient],
  ["grpc", grpcClient],
] as const)(
  "a stream whose client has sent everything ends when all is answered (%s)",
  async (_, clientOf) => {
    const handler = new Held();
    const { address } = await serving(handler);
    const raw = new RawStream(clientOf(address), [batch(update(1), update(2)), batch(update(2), update(3))]);
    await until(() => handler.held.size === 3, "all are with the handler");
    handler.held.get(3)?.();
    await until(() => raw.timestamps.length === 1, "the first answer is there");
    expect(raw.ended).toBe(false);
    handler.held.get(1)?.();
    handler.held.get(2)?.();
    await until(() => raw.ended, "the stream has ended");
    expect(raw.error).toBeUndefined();
    expect(raw.timestamps.sort((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(raw.received.every(({ leaderId }) => leaderId === 2n)).toBe(true);
  },
);

test("an update that fails is answered with its reason, and the stream goes on", async () => {
  const failing = new Failing(new RequestError("busy", "the queue is full; try again later"));
  const { address } = await serving(failing);
  const raw = new RawStream(grpcClient(address), [batch(update(1)), batch(update(2))]);
  await until(() => raw.ended, "the stream has ended");
  expect(raw.received.flatMap(({ answers }) => answers)).toMatchObject(
    [1n, 2n].map((timestamp) => ({
      timestamp,
      seq: 0n,
      failure: { code: 1, detail: "the queue is full; try again later" },
    })),
  );
});

test("a batch above the limit ends its stream with the limit, and the node serves on", async () => {
  const { address } = await serving(new Handler());
  const raw = new RawStream(connectClient(address), [batch(update(1, 3 * 1024 * 1024))]);
  await until(() => raw.ended, "the stream has ended");
  expect(ConnectError.from(raw.error)).toMatchObject({ code: Code.ResourceExhausted });
  expect((await newClient().clientUpdate(address, update(2), never())).seq).toBe(2n);
});

test("a server with a small limit takes small updates in large batches, and refuses a large one by itself", async () => {
  const transport = { maxRequestBytes: 10_000 };
  const { address } = await endpoints.start({ nodeId: 0, handler: new Handler(), transport });
  const client = newClient();
  const small = numbers(500).map((timestamp) =>
    client.clientUpdate(address, update(timestamp, 1000), never()),
  );
  const large = errorOf(client.clientUpdate(address, update(501, 20_000), never()));
  expect(await large).toMatchObject({ name: "RequestError", code: "too_large" });
  expect((await Promise.all(small)).map(({ seq }) => Number(seq))).toEqual(numbers(500));
});
