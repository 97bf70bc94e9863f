import { create, toBinary } from "@bufbuild/protobuf";
import { maxChunkBytes } from "@paxos/core";
import { BackupPieceSchema, LogRequestSchema, LogResponseSchema } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import type { Endpoints } from "./endpoints.js";
import { Endless, Handler, Holding, Waiting } from "./handlers.js";
import { numbers, update } from "./messages.js";
import { openStream, streamKinds, type StreamKind } from "./streams.js";
import { describeSubject } from "./subject.js";
import { collect, errorOf, until } from "./until.js";

/** Logs and backups: streams of pieces, whose order is part of what they are. */
export function describeClientStreams(adapter: TransportAdapter): void {
  describeSubject("client streams", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testLogs(endpoints, kind);
      testBackups(endpoints, kind);
      describe.each(streamKinds)("a %s", (stream) => {
        testPieces(endpoints, kind, stream);
        testEnds(endpoints, kind, stream);
      });
    });
  });
}

const never = (): AbortSignal => new AbortController().signal;
const following = create(LogRequestSchema, { fromSeq: 1n, follow: true });

function testLogs(endpoints: Endpoints, kind: string): void {
  test("a log begins where it is asked for, and comes to its end", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const log = client.log(address, create(LogRequestSchema, { fromSeq: 2n }), never());
    expect((await collect(log)).map(({ firstSeq }) => firstSeq)).toEqual([2n, 3n]);
    const empty = client.log(address, create(LogRequestSchema, { fromSeq: 9n }), never());
    expect(await collect(empty)).toEqual([]);
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("its pieces arrive unchanged", async () => {
    const handler = new Handler();
    const entries = [{ seq: 2n ** 64n - 1n, update: update(7, 1000) }, { duplicate: true }];
    const piece = create(LogResponseSchema, { firstSeq: 2n ** 63n, entries });
    handler.log = async function* () {
      yield piece;
    };
    const { address } = await endpoints.serving(handler);
    const [arrived] = await collect(endpoints.client(kind).log(address, following, never()));
    expect(toBinary(LogResponseSchema, arrived!)).toEqual(toBinary(LogResponseSchema, piece));
  });

  test("a log is followed until the caller has had enough, and the handler's stream ends then", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const seen: bigint[] = [];
    for await (const { firstSeq } of endpoints.client(kind).log(address, following, never())) {
      if (seen.push(firstSeq) === 10) break;
    }
    expect(seen).toEqual(numbers(10).map(BigInt));
    await until(() => handler.open === 0, "the handler's stream has ended");
  });
}

function testBackups(endpoints: Endpoints, kind: string): void {
  const snapshot = {
    formatVersion: 1,
    seq: 2n ** 60n,
    origin: 2n ** 64n - 1n,
    chunks: 2 ** 32 - 1,
    bytes: 2n ** 63n,
    checksum: 2 ** 32 - 1,
    epochRecord: { voters: [{ nodeId: 3n, address: "[::1]:5" }], base: new Uint8Array(32).fill(9) },
  };

  test("the pieces of a backup arrive unchanged, the largest and an empty one too", async () => {
    const handler = new Handler();
    const data = new Uint8Array(maxChunkBytes).fill(7);
    const pieces = [{ snapshot, index: 2 ** 32 - 1, data, checksum: 2 ** 32 - 2 }, {}].map((piece) =>
      create(BackupPieceSchema, piece),
    );
    handler.backup = async function* () {
      yield* pieces;
    };
    const { address } = await endpoints.serving(handler);
    const arrived = await collect(endpoints.client(kind).backup(address, never()));
    const encoded = (piece: (typeof pieces)[number]): Buffer =>
      Buffer.from(toBinary(BackupPieceSchema, piece));
    // Not by `toEqual`, which takes its time with so many bytes.
    expect(arrived.map((piece, index) => encoded(piece).equals(encoded(pieces[index]!)))).toEqual([
      true,
      true,
    ]);
  });

  test("a piece that is larger than any chunk ends the backup, and nothing else", async () => {
    const handler = new Handler();
    handler.pieceBytes = maxChunkBytes + 1024 * 1024;
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    expect(await errorOf(collect(client.backup(address, never())))).toMatchObject({
      name: "RequestError",
      code: "unavailable",
      message: expect.stringMatching(/^no answer from .* 94\d{5} .*; try another server/),
    });
    await until(() => handler.open === 0, "the handler's stream has ended");
    expect((await client.status(address, never())).nodeId).toBe(3n);
  });
}

function testPieces(endpoints: Endpoints, kind: string, stream: StreamKind): void {
  test("that has nothing in it ends at once", async () => {
    const handler = new Handler();
    handler.length = 0;
    const { address } = await endpoints.serving(handler);
    expect(await collect(openStream(stream, endpoints.client(kind), address, never()))).toEqual([]);
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("of very many pieces comes complete and in its order, two at once and beside one of the other kind", async () => {
    const handler = new Handler();
    handler.length = 1000;
    handler.pieceBytes = 100;
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const all = [stream, ...streamKinds].map((one) => collect(openStream(one, client, address, never())));
    for (const seen of await Promise.all(all)) expect(seen).toEqual(numbers(1000));
  });

  test("that nobody reads is not made further, and delays no other call", async () => {
    const handler = new Endless();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const pieces = openStream(stream, client, address, never());
    await pieces.next();
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
    expect((await client.takeSnapshot(address, never())).seq).toBe(2n ** 60n);
    for (const number of numbers(made + 10)) expect((await pieces.next()).value).toBe(number + 1);
    await pieces.return(undefined);
    await until(() => handler.open === 0, "the handler's stream has ended");
  });
}

function testEnds(endpoints: Endpoints, kind: string, stream: StreamKind): void {
  test("is read until the caller has had enough, and the handler's stream ends then", async () => {
    const handler = new Handler();
    handler.length = Infinity;
    const { address } = await endpoints.serving(handler);
    const seen: number[] = [];
    for await (const number of openStream(stream, endpoints.client(kind), address, never())) {
      if (seen.push(number) === 10) break;
    }
    expect(seen).toEqual(numbers(10));
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("is read until the caller's signal is aborted", async () => {
    const handler = new Handler();
    handler.length = Infinity;
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const controller = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const number of openStream(stream, client, address, controller.signal)) {
        if (number === 5) controller.abort();
      }
    };
    expect(await errorOf(reading())).toMatchObject({ name: "RequestError", code: "cancelled" });
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("whose next piece the caller waits for lets it go by its signal and by its deadline", async () => {
    const handler = new Waiting();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const controller = new AbortController();
    const cancelled = errorOf(collect(openStream(stream, client, address, controller.signal)));
    const timedOut = errorOf(collect(openStream(stream, client, address, AbortSignal.timeout(200))));
    await until(() => handler.open > 0, "one is open");
    controller.abort();
    expect(await cancelled).toMatchObject({ name: "RequestError", code: "cancelled" });
    expect(await timedOut).toMatchObject({ name: "RequestError", code: "timed_out" });
    await until(() => handler.open === 0, "both have ended");
  });

  test("that its reader has stalled ends on the node when the reader's signal is aborted", async () => {
    const handler = new Endless();
    const { address } = await endpoints.serving(handler);
    const controller = new AbortController();
    const pieces = openStream(stream, endpoints.client(kind), address, controller.signal);
    await pieces.next();
    expect(handler.open).toBe(1);
    controller.abort();
    await until(() => handler.open === 0, "the handler's stream has ended");
    expect(await errorOf(collect(pieces))).toMatchObject({ name: "RequestError", code: "cancelled" });
  });

  test("that its reader has stalled ends on the node when the reader goes", async () => {
    const handler = new Endless();
    const { address } = await endpoints.serving(handler);
    const relay = await endpoints.relay(address);
    const pieces = openStream(stream, endpoints.client(kind), relay.address, never());
    await pieces.next();
    relay.silence();
    expect(handler.open).toBe(1);
    await relay.close();
    await until(() => handler.open === 0, "the handler's stream has ended");
  });

  test("that is opened and never read, and one that is left unread at close, hold nothing open", async () => {
    const handler = new Holding();
    handler.length = Infinity;
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    openStream(stream, client, address, never());
    const pieces = openStream(stream, client, address, never());
    await pieces.next();
    await client.close();
    await until(() => handler.open === 0, "the handler's stream has ended");
    expect(handler.asked).toHaveLength(0);
  });
}
