// What hostile callers say: conversations of peers and clients, right or wrong in every way, as chunks of bytes.
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { HelloSchema, MessageSchema, type Frame, type FrameSchema } from "@paxos/proto";
import fc from "fast-check";
import { encodeFrame } from "../src/frame.js";
import { accept, identityOf } from "../test/endpoint.js";

export type FrameInit = Exclude<MessageInitShape<typeof FrameSchema>, Frame>;

/** What arrives on one connection, chunk by chunk, and whether the other side ends it. */
export interface Input {
  readonly chunks: readonly Uint8Array[];
  readonly ends: boolean;
}

/** Bytes of which there may be so many: mostly few, and sometimes just as many, or one too many. */
function sized(most: number): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    { weight: 30, arbitrary: fc.uint8Array({ maxLength: 12 }) },
    fc.constantFrom(most, most + 1).map((length) => new Uint8Array(length)),
  );
}

/** Mostly right. */
const hello = fc
  .record({
    protocolVersion: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.nat(3)),
    newestVersion: fc.nat(4),
    commandVersion: fc.nat(0xffffffff),
    clusterId: fc.oneof(
      { weight: 9, arbitrary: fc.constant(identityOf(1).clusterId) },
      fc.constant(new Uint8Array(3)),
    ),
    nodeId: fc.oneof({ weight: 9, arbitrary: fc.constant(1n) }, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    storeId: fc.oneof({ weight: 9, arbitrary: fc.constant(101n) }, fc.bigInt({ min: 0n, max: 200n })),
    to: fc.oneof({ weight: 9, arbitrary: fc.constant(0n) }, fc.constant(1n)),
    incarnation: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    saveHistory: sized(1024),
    epochRecord: sized(64 * 1024),
    address: sized(300).map(({ length }) => "x".repeat(length)),
  })
  .map((fields) => create(HelloSchema, fields));

const message = fc.oneof(
  { weight: 6, arbitrary: fc.nat(1000).map((seq) => toBinary(MessageSchema, accept(0, seq))) },
  fc.constant(toBinary(MessageSchema, accept(1, 1))),
  fc.uint8Array({ maxLength: 12 }),
  fc.constant(new Uint8Array(4097)),
);

const id = fc.record({
  clientId: fc.bigInt({ min: 1n, max: 2n }),
  timestamp: fc.bigInt({ min: 1n, max: 4n }),
});

const update = fc
  .tuple(id, fc.oneof({ weight: 9, arbitrary: fc.constant(20) }, fc.constant(4097)))
  .map(([fields, size]) => ({ ...fields, update: new Uint8Array(size) }));

/** Begins with its id, so that the handler knows it. */
const query = fc
  .tuple(
    fc.bigInt({ min: 1n, max: 4n }),
    fc.oneof({ weight: 9, arbitrary: fc.constant(20) }, fc.constant(4097)),
  )
  .map(([number, size]) => {
    const bytes = new Uint8Array(size);
    bytes[0] = Number(number);
    return { id: number, request: { query: bytes } };
  });

const queryId = fc.bigInt({ min: 1n, max: 4n }).map((number) => ({ id: number }));

const call = fc.record({
  id: fc.bigInt({ min: 0n, max: 5n }),
  type: fc.oneof(
    fc.constant({ case: "log" as const, value: {} }),
    fc.constant({ case: "status" as const, value: {} }),
    fc.constant({ case: "takeSnapshot" as const, value: {} }),
    fc.constant({ case: "query" as const, value: {} }),
    fc.constant({ case: "backup" as const, value: {} }),
    fc.constant({ case: "members" as const, value: {} }),
    fc.constant({ case: "changeMembership" as const, value: { change: { changeId: 1n } } }),
    // It says not what to change.
    fc.constant({ case: "changeMembership" as const, value: {} }),
    fc.constant({ case: "transferLeadership" as const, value: {} }),
    fc.constant({ case: "cancel" as const, value: true }),
    fc.nat(10).map((value) => ({ case: "taken" as const, value })),
    fc.constant({ case: undefined }),
  ),
});

const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 3 });
const ping = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });

const fromPeer: fc.Arbitrary<FrameInit> = fc.oneof(
  { weight: 4, arbitrary: few(message).map((messages) => ({ messages })) },
  ping.map((number) => ({ ping: number })),
  ping.map((number) => ({ pong: number })),
  fc.constant({ refusal: { detail: "no" } }),
);

export const fromClient: fc.Arbitrary<FrameInit> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(few(update), fc.array(id, { maxLength: 2 }))
      .map(([updates, abandoned]) => ({ updates: { updates, abandoned } })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.array(update, { maxLength: 1 }), few(query), fc.array(queryId, { maxLength: 2 }))
      .map(([updates, queries, abandonedQueries]) => ({ updates: { updates, queries, abandonedQueries } })),
  },
  { weight: 3, arbitrary: few(call).map((calls) => ({ calls })) },
  ping.map((number) => ({ ping: number })),
  ping.map((number) => ({ pong: number })),
);

const fromServer: fc.Arbitrary<FrameInit> = fc.constantFrom<FrameInit[]>(
  { serverHello: { protocolVersion: 1 } },
  { answers: { answers: [{ clientId: 1n, timestamp: 1n, seq: 1n }] } },
  { replies: [{ id: 1n, type: { case: "end", value: true } }] },
);

const greeting: fc.Arbitrary<FrameInit> = fc.oneof(
  hello.map((value) => ({ hello: value })),
  fc
    .oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.nat(3))
    .map((protocolVersion) => ({ clientHello: { protocolVersion } })),
);

const anyFrame = fc.oneof(greeting, fromPeer, fromClient, fromServer);

const conversation: fc.Arbitrary<FrameInit[]> = fc.oneof(
  fc.tuple(greeting, fc.array(fromPeer, { maxLength: 5 })).map(([first, rest]) => [first, ...rest]),
  fc.tuple(greeting, fc.array(fromClient, { maxLength: 5 })).map(([first, rest]) => [first, ...rest]),
  fc.array(anyFrame, { maxLength: 6 }),
  // Two frames in one: their fields mixed.
  fc.tuple(greeting, anyFrame, anyFrame).map(([first, a, b]) => [first, { ...a, ...b }]),
);

const rightBytes = conversation.map((frames) => Buffer.concat(frames.map((frame) => encodeFrame(frame))));

/** Bytes of a conversation, spoilt. */
const spoiltBytes = fc
  .tuple(
    rightBytes,
    fc.constantFrom("cut", "flip", "insert", "swap"),
    fc.nat(),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
  )
  .map(([bytes, how, where, noise]) => {
    const at = where % (bytes.length + 1);
    switch (how) {
      case "cut":
        return bytes.subarray(0, at);
      case "flip": {
        for (const [i, bit] of noise.entries()) {
          const place = (at + i * 131) % Math.max(1, bytes.length);
          bytes[place] = (bytes[place] ?? 0) ^ (1 << (bit % 8));
        }
        return bytes;
      }
      case "insert":
        return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
      case "swap":
        return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
    }
  });

/** Sizes on both sides of every limit, and any others. */
const announcedSize = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(0, 64 * 1024, 128 * 1024, 576 * 1024, 2112 * 1024, 2 ** 32, 2 ** 35),
      fc.integer({ min: -2, max: 2 }),
    )
    .map(([limit, off]) => Math.max(0, limit + off)),
  fc.nat(2 ** 32 - 1),
);

/** A varint, with more bytes than it needs when there are to be so many. */
function varint(value: number, atLeast: number): Uint8Array {
  const written: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    const last = left < 128 && written.length + 1 >= atLeast;
    written.push(last ? left : (left % 128) | 0x80);
    if (last) return Uint8Array.from(written);
  }
}

/** A conversation, and then a frame that is announced and does not come. */
const announcedBytes = fc
  .tuple(rightBytes, announcedSize, fc.integer({ min: 1, max: 7 }), fc.uint8Array({ maxLength: 16 }))
  .map(([bytes, size, atLeast, rest]) => Buffer.concat([bytes, varint(size, atLeast), rest]));

/** Tags of a frame's fields, each within the one before: those of many elements, and of what they are in. */
const manyIn = [
  ...[0x1a, 0x42, 0x32, 0x4a].flatMap((tag) => [[tag], [tag, 0x0a]]),
  // updates: queries, abandoned_queries
  [0x32, 0x1a],
  [0x32, 0x22],
  // calls, change_membership, change, set_members, voters
  [0x42, 0x4a, 0x0a, 0x52, 0x0a],
];

/** Very many elements of two bytes each, in a field of a frame, in its updates, or in a change of its calls. */
const manyBytes = fc
  .tuple(
    greeting,
    fc.constantFrom(...manyIn),
    fc.constantFrom(4095, 4096, 4097, 32_000, 65_530, 65_531, 65_532, 65_533, 65_535, 65_536, 65_537),
  )
  .map(([first, tags, count]) => {
    let all = new Uint8Array(2 * count);
    for (let i = 0; i < all.length; i += 2) all[i] = tags.at(-1) ?? 0;
    for (const tag of tags.slice(0, -1).reverse()) {
      all = Uint8Array.from(Buffer.concat([Uint8Array.of(tag), varint(all.length, 1), all]));
    }
    return Buffer.concat([encodeFrame(first), varint(all.length, 1), all]);
  });

const bytes = fc.oneof(
  { weight: 400, arbitrary: rightBytes },
  { weight: 500, arbitrary: spoiltBytes },
  { weight: 200, arbitrary: announcedBytes },
  { weight: 100, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  { weight: 1, arbitrary: manyBytes },
);

/** Whole, drop by drop, or in pieces of some sizes. */
const chunking = fc.oneof(
  fc.constant([Infinity]),
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
);

export const inputs: fc.Arbitrary<Input> = fc
  .tuple(bytes, chunking, fc.boolean())
  .map(([all, sizes, ends]) => ({ chunks: [...cut(all, sizes)], ends }));

/** Cuts bytes into chunks of these sizes, again and again. */
export function* cut(all: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < all.length; i++) {
    const size = Math.min(sizes[i % sizes.length] ?? Infinity, all.length - at);
    yield all.subarray(at, at + size);
    at += size;
  }
}
