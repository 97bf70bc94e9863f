// Measures in a process of its own.
import { randomFillSync } from "node:crypto";
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  ClientUpdateSchema,
  decodeClientUpdate,
  decodeMessage,
  decodeStoredRun,
  encodeClientUpdate,
  encodeMessage,
  encodeStoredRun,
  encodingOfUpdateAnswers,
  encodingOfUpdateBatch,
  MessageSchema,
  readUpdateAnswers,
  readUpdateBatch,
  StoredRunSchema,
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
  /** A new message: what is encoded once is not encoded again. */
  readonly make: () => MessageShape<Desc>;
  readonly encode: (message: MessageShape<Desc>) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

const warmUpMicros = 50_000;
const measuredMicros = 150_000;
/** So many updates are in messages that are made, and then encoded: making them is not measured, and would be more than that. */
const madeAtOnce = 4096;
const mostMessages = 512;

process.once("message", (message) => {
  const { updateBytes } = message as { updateBytes: number };
  process.send?.(measureAll(randomFillSync(new Uint8Array(updateBytes))), () => process.exit());
});

/** The messages, made of updates of these bytes. */
function measureAll(update: Uint8Array): CodecSample[] {
  return [...ofUpdates(update), ...ofPeers(), ...ofClients(update)];
}

const counts = [1, 64, 512];
const many = (count: number) => Array.from({ length: count }, (_, i) => i);
const envelope = { to: 1n, epoch: 1n, storeId: 2n ** 60n, from: 2n };

const fieldsOf = (update: Uint8Array) => (i: number) => ({
  clientId: 2n ** 63n + 1n,
  nodeId: 0n,
  timestamp: BigInt(100_000 + i),
  update,
  session: 7n,
  answeredUpTo: 99_000n,
});

/** What carries updates to peers and to the disk. */
function ofUpdates(update: Uint8Array): CodecSample[] {
  const fields = fieldsOf(update);
  const proposalOf = (count: number) => {
    const updates = many(count).map((i) => encodeClientUpdate(fields(i)));
    return () => ({ nodeId: 2n, view: 9n, seq: 1_000_000n, updates });
  };
  const proposals = counts.map((count) => {
    const value = proposalOf(count);
    return measure({
      name: "Proposal",
      updates: count,
      schema: MessageSchema,
      make: () => create(MessageSchema, { ...envelope, type: { case: "proposal", value: value() } }),
      encode: encodeMessage,
      decode: decodeMessage,
    });
  });
  const runs = counts.map((count) => {
    const proposal = proposalOf(count);
    return measure({
      name: "StoredRun",
      updates: count,
      schema: StoredRunSchema,
      make: () => create(StoredRunSchema, { formatVersion: 1, epoch: 1n, proposal: proposal() }),
      encode: (run) => encodeStoredRun(run),
      decode: decodeStoredRun,
    });
  });
  return [...proposals, ...runs];
}

function ofPeers(): CodecSample[] {
  const peer = { updates: 1, schema: MessageSchema, encode: encodeMessage, decode: decodeMessage };
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
  return [
    measure({ ...peer, name: "Accept", make: () => accept }),
    measure({ ...peer, name: "Heartbeat", make: () => heartbeat }),
  ];
}

function ofClients(update: Uint8Array): CodecSample[] {
  const fields = fieldsOf(update);
  const batch = create(UpdateBatchSchema, { updates: many(64).map(fields) });
  const answers = create(UpdateAnswersSchema, {
    leaderId: 2n,
    answers: many(64).map((i) => ({
      clientId: 2n ** 63n + 1n,
      timestamp: BigInt(100_000 + i),
      seq: BigInt(1_000_000 + i),
    })),
  });
  return [
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
  const poolSize = Math.min(mostMessages, madeAtOnce / updates);
  const encoding = (how: (message: MessageShape<Desc>) => unknown) =>
    nanosOf(() => Array.from({ length: poolSize }, make), how);
  const pool = Array.from({ length: poolSize }, () => bytes);
  const decoding = (how: (it: Uint8Array) => unknown) => nanosOf(() => pool, how);
  return {
    name,
    updates,
    bytes: bytes.length,
    encode: encoding(encode),
    decode: decoding(decode),
    plainEncode: encoding((message) => toBinary(schema, message)),
    plainDecode: decoding((it) => fromBinary(schema, it)),
  };
}

/**
 * Nanoseconds of processor time, of all threads, for what is done with each thing of a pool: other load on the machine changes
 * that least. A new pool is made each time, which does not count.
 */
function nanosOf<T>(makePool: () => readonly T[], what: (it: T) => unknown): number {
  const forMicros = (micros: number): number => {
    let spent = 0;
    let count = 0;
    while (spent < micros) {
      const pool = makePool();
      const before = process.cpuUsage();
      for (const it of pool) what(it);
      const { user, system } = process.cpuUsage(before);
      spent += user + system;
      count += pool.length;
    }
    return (spent * 1e3) / count;
  };
  forMicros(warmUpMicros);
  return forMicros(measuredMicros);
}
