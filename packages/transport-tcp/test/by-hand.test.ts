// A client that was written after PROTOCOL.md alone: bytes in, bytes out. Only the server's handler has messages.
import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import {
  BackupPieceSchema,
  ChangeMembershipResponseSchema,
  GloballyOrderedUpdateSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  TakeSnapshotResponseSchema,
} from "@paxos/proto";
import { connect, type Socket } from "node:net";
import { Closables, handlerOf } from "./endpoint.js";
import { examples } from "./protocol-document.js";

const open = new Closables();
afterEach(() => open.close());

/** Speaks frames on a socket; pings of the node are answered and not shown. */
class HandMadeClient {
  readonly #socket: Socket;
  #bytes: number[] = [];
  #waiting: (() => void) | undefined;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk) => {
      this.#bytes.push(...chunk);
      this.#waiting?.();
    });
    this.#socket.on("error", () => undefined);
  }

  say(bytes: readonly number[] | Uint8Array): void {
    this.#socket.write(Uint8Array.from(bytes));
  }

  /** The next frame with its size, in hex. */
  async hear(): Promise<string> {
    for (;;) {
      const taken = this.#take();
      if (taken === undefined) {
        await new Promise<void>((resolve) => (this.#waiting = resolve));
        continue;
      }
      const [size, frame] = taken;
      if (frame[0] !== 0x50) return Buffer.from([...size, ...frame]).toString("hex");
      // A ping (10 * 8 + 0 = 0x50) becomes a pong (11 * 8 + 0 = 0x58) with the same number.
      this.say([...size, 0x58, ...frame.slice(1)]);
    }
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }

  /** A size and a frame, if they are there. */
  #take(): [number[], number[]] | undefined {
    const last = this.#bytes.findIndex((byte) => byte < 0x80);
    const size = this.#bytes.slice(0, last + 1);
    const length = size.reduceRight((sum, byte) => sum * 128 + (byte % 128), 0);
    if (last < 0 || this.#bytes.length < size.length + length) return undefined;
    return [this.#bytes.splice(0, size.length), this.#bytes.splice(0, length)];
  }
}

const example = (name: string): Uint8Array => examples.get(name) ?? Uint8Array.of();
const hex = (name: string): string => Buffer.from(example(name)).toString("hex");

test("the conversation of the document takes place", async () => {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const handler = handlerOf({
    clientUpdate: ({ update }) =>
      Promise.resolve(
        create(GloballyOrderedUpdateSchema, {
          seq: 1n,
          result: Buffer.from(text(update).toUpperCase()),
          leaderId: 3n,
        }),
      ),
    query: ({ query }) =>
      Promise.resolve(
        create(QueryResponseSchema, {
          seq: 1n,
          nodeId: 3n,
          result: Buffer.from(text(query).slice(0, -1).toUpperCase()),
        }),
      ),
  });
  const server = await open.start({ nodeId: 3, handler });
  const client = open.add(new HandMadeClient(server.port));
  client.say(example("client-hello"));
  expect(await client.hear()).toBe(hex("server-hello"));
  client.say(example("ping"));
  expect(await client.hear()).toBe(hex("pong"));
  client.say(example("updates"));
  expect(await client.hear()).toBe(hex("answers"));
  client.say(example("queries"));
  expect(await client.hear()).toBe(hex("query-answers"));
  expect(server.counts).toEqual({});
});

test("calls are answered as the document says", async () => {
  const membersToldOf = {
    epochRecord: { epoch: 6n, voters: [{ nodeId: 3n, address: "n3:80" }] },
    leaderId: 3n,
    nodeId: 3n,
    heard: [3n, 4n],
  };
  const asked: unknown[] = [];
  const taken = create(TakeSnapshotResponseSchema, { seq: 9n, bytes: 300n, firstSeq: 5n });
  const handler = handlerOf({
    takeSnapshot: () => Promise.resolve(taken),
    members: () => Promise.resolve(create(MembersResponseSchema, membersToldOf)),
    changeMembership: ({ changeId, type }) => {
      asked.push([changeId, type.case, type.value]);
      return Promise.resolve(create(ChangeMembershipResponseSchema, { epochRecord: { epoch: 7n } }));
    },
    async *backup() {
      yield create(BackupPieceSchema, { data: Buffer.from("hello"), checksum: 0x3610_a686 });
    },
  });
  const server = await open.start({ nodeId: 3, handler });
  const client = open.add(new HandMadeClient(server.port));
  client.say(example("client-hello"));
  await client.hear();
  // The log asked for begins behind its end.
  client.say(example("call-log"));
  expect(await client.hear()).toBe(hex("reply-end"));
  // What is said of a call that is over is ignored.
  client.say([...example("call-taken"), ...example("call-cancel")]);
  client.say(example("call-status"));
  // replies: a Reply with id 2 and a StatusResponse with node_id 3.
  expect(await client.hear()).toBe("084a0608021a020803");
  client.say(example("call-take-snapshot"));
  expect(await client.hear()).toBe(hex("reply-take-snapshot"));
  for (const name of ["members", "change-membership", "transfer-leadership"]) {
    client.say(example(`call-${name}`));
    expect(await client.hear()).toBe(hex(`reply-${name}`));
  }
  expect(asked).toEqual([[7n, "promote", 4n]]);
  client.say(example("call-backup"));
  // replies: a Reply with id 1 and a BackupPiece with the data "hello" and its checksum.
  expect(await client.hear()).toBe("124a1008013a0c1a0568656c6c6f2586a61036");
  expect(await client.hear()).toBe(hex("reply-end"));
  expect(server.counts).toEqual({});
});

test("a client of another version is refused, with the reason", async () => {
  const server = await open.start({ nodeId: 3, handler: handlerOf() });
  const client = open.add(new HandMadeClient(server.port));
  // A client_hello with protocol_version 9.
  client.say([0x04, 0x22, 0x02, 0x08, 0x09]);
  // A size of two bytes, as the detail is long; a refusal (2 * 8 + 2 = 0x12), of two bytes' length too; reason 2.
  expect(await client.hear()).toMatch(/^(....)12(....)0802/);
  expect(server.counts).toEqual({ refused_protocol_version: 1 });
});
