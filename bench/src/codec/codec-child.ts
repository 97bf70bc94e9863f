// Measures in a process of its own.
import { randomFillSync } from "node:crypto";
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  ClientUpdateSchema,
  decodeClientUpdate,
  decodeMessage,
  encodeClientUpdate,
  encodeMessage,
  encodingOfUpdateAnswers,
  encodingOfUpdateBatch,
  MessageSchema,
  readUpdateAnswers,
  readUpdateBatch,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  type Encoding,
} from "@paxos/proto";

/** Nanoseconds of one message, as the programs do it and as protobuf-es does it with reflection. */
export interface CodecSample {
  readonly name: string;
  readonly updates: number;
  readonly bytes: number;
  readonly encode: number;
  readonly decode: number;
  readonly plainEncode: number;
  readonly plainDecode: number;
}

/** How a message is written and read here. */
interface Codec<Desc extends DescMessage> {
  readonly name: string;
  readonly updates: number;
  readonly schema: Desc;
  /** A new message each time: what is encoded once is not encoded again. */
  readonly make: () => MessageShape<Desc>;
  readonly encode: (message: MessageShape<Desc>) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

const warmUpMs = 100;
const measuredMs = 250;

process.once("message", (message) => {
  const { updateBytes } = message as { updateBytes: number };
  process.send?.(measureAll(randomFillSync(new Uint8Array(updateBytes))), () => process.exit());
});

function measureAll(update: Uint8Array): CodecSample[] {
  const fields = (i: number) => ({
    clientId: 2n ** 63n + 1n,
    nodeId: 0n,
    timestamp: BigInt(100_000 + i),
    update,
    session: 7n,
    answeredUpTo: 99_000n,
  });
  const many = (count: number) => Array.from({ length: count }, (_, i) => i);
  const envelope = { to: 1n, epoch: 1n, storeId: 2n ** 60n, from: 2n };
  const proposals = [1, 64, 512].map((count) => {
    const updates = many(count).map((i) => encodeClientUpdate(fields(i)));
    const value = () => ({ nodeId: 2n, view: 9n, seq: 1_000_000n, updates });
    return measure({
      name: "Proposal",
      updates: count,
      schema: MessageSchema,
      make: () => create(MessageSchema, { ...envelope, type: { case: "proposal", value: value() } }),
      encode: encodeMessage,
      decode: decodeMessage,
    });
  });
  const accept = create(MessageSchema, {
    ...envelope,
    type: {
      case: "accept",
      value: { nodeId: 1n, view: 9n, seq: 1_000_000n, localAru: 999_000n, saveNumber: 5_000n },
    },
  });
  const heartbeat = create(MessageSchema, {
    ...envelope,
    type: { case: "heartbeat", value: { nodeId: 1n, view: 9n, localAru: 999_000n, promisedView: 9n } },
  });
  const batch = create(UpdateBatchSchema, { updates: many(64).map(fields) });
  const answers = create(UpdateAnswersSchema, {
    leaderId: 2n,
    answers: many(64).map((i) => ({
      clientId: 2n ** 63n + 1n,
      timestamp: BigInt(100_000 + i),
      seq: BigInt(1_000_000 + i),
    })),
  });
  const peer = { updates: 1, schema: MessageSchema, encode: encodeMessage, decode: decodeMessage };
  return [
    ...proposals,
    measure({ ...peer, name: "Accept", make: () => accept }),
    measure({ ...peer, name: "Heartbeat", make: () => heartbeat }),
    measure({
      name: "ClientUpdate",
      updates: 1,
      schema: ClientUpdateSchema,
      make: () => create(ClientUpdateSchema, fields(1)),
      encode: encodeClientUpdate,
      decode: decodeClientUpdate,
    }),
    measure({
      name: "UpdateBatch",
      updates: 64,
      schema: UpdateBatchSchema,
      make: () => batch,
      encode: (message) => written(encodingOfUpdateBatch(message)),
      decode: (bytes) => readUpdateBatch(bytes, 0, bytes.length, 4096),
    }),
    measure({
      name: "UpdateAnswers",
      updates: 64,
      schema: UpdateAnswersSchema,
      make: () => answers,
      encode: (message) => written(encodingOfUpdateAnswers(message)),
      decode: (bytes) => readUpdateAnswers(bytes, 0, bytes.length, 4096),
    }),
  ];
}

function written(encoding: Encoding): Uint8Array {
  const bytes = new Uint8Array(encoding.length);
  encoding.write(bytes, 0);
  return bytes;
}

function measure<Desc extends DescMessage>({
  name,
  updates,
  schema,
  make,
  encode,
  decode,
}: Codec<Desc>): CodecSample {
  const bytes = toBinary(schema, make());
  if (Buffer.compare(bytes, encode(make())) !== 0)
    throw new Error(`${name}: other bytes than those of protobuf-es`);
  // Making the message is no part of it.
  const making = nanosOf(make);
  return {
    name,
    updates,
    bytes: bytes.length,
    encode: Math.max(1, nanosOf(() => encode(make())) - making),
    decode: nanosOf(() => decode(bytes)),
    plainEncode: Math.max(1, nanosOf(() => toBinary(schema, make())) - making),
    plainDecode: nanosOf(() => fromBinary(schema, bytes)),
  };
}

function nanosOf(what: () => unknown): number {
  const once = (ms: number): number => {
    const started = performance.now();
    let count = 0;
    let now = started;
    for (; now - started < ms; now = performance.now()) for (let i = 0; i < 16; i++, count++) what();
    return ((now - started) * 1e6) / count;
  };
  once(warmUpMs);
  return once(measuredMs);
}
