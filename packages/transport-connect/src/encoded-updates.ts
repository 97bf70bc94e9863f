// The stream of updates, as connect-node moves it: whole messages, which it neither reads nor writes field by field, for its way of
// doing so takes longer than all else that happens to an update here. To the library they are messages without any field it
// knows; the bytes on the wire are those of the service.
import { fromBinary, toBinary, type MessageShape } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  ClientService,
  encodingOfUpdateAnswers,
  encodingOfUpdateBatch,
  readUpdateAnswers,
  readUpdateBatch,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";

type Opaque = MessageShape<typeof EmptySchema>;
type Encoding = ReturnType<typeof encodingOfUpdateBatch>;
type EncodedUpdates = GenService<{
  clientUpdates: {
    methodKind: "bidi_streaming";
    input: typeof EmptySchema;
    output: typeof EmptySchema;
  };
}>;

const method: EncodedUpdates["method"]["clientUpdates"] = {
  ...ClientService.method.clientUpdates,
  input: EmptySchema,
  output: EmptySchema,
};

/** The client service with its stream of updates alone, whose messages stay encoded. For protobuf, not for JSON. */
export const EncodedUpdatesService: EncodedUpdates = {
  ...ClientService,
  method: { clientUpdates: method },
  methods: [method],
};

/** What the library is to keep of messages, which for others it need not: all of them is unknown to it. */
export const keepEncoded = { readUnknownFields: true };

/** What the library is not to keep of all others: unknown fields are of no use, and a small one takes up much memory. */
export const dropUnknown = { readUnknownFields: false };

/** Batches, to be sent. */
export async function* encodedBatches(batches: AsyncIterable<UpdateBatch>): AsyncGenerator<Opaque> {
  for await (const batch of batches) yield wrapped(encodingOfUpdateBatch(batch));
}

/** Answers, to be sent. */
export async function* encodedAnswers(answers: AsyncIterable<UpdateAnswers>): AsyncGenerator<Opaque> {
  for await (const some of answers) yield wrapped(encodingOfUpdateAnswers(some));
}

/** Batches that were received. Throws a ConnectError at what is malformed. */
export async function* decodedBatches(messages: AsyncIterable<Opaque>): AsyncGenerator<UpdateBatch> {
  for await (const message of messages) {
    yield decoded(message, (bytes) => {
      const plain = readUpdateBatch(bytes, 0, bytes.length, Infinity);
      return plain ?? fromBinary(UpdateBatchSchema, bytes, dropUnknown);
    });
  }
}

/** Answers that were received. Throws a ConnectError at what is malformed. */
export async function* decodedAnswers(messages: AsyncIterable<Opaque>): AsyncGenerator<UpdateAnswers> {
  for await (const message of messages) {
    yield decoded(message, (bytes) => {
      const plain = readUpdateAnswers(bytes, 0, bytes.length, Infinity);
      return plain ?? fromBinary(UpdateAnswersSchema, bytes, dropUnknown);
    });
  }
}

/** As one unknown field, which begins with the first field and goes on to the end: it is written as it is, behind its tag. */
export function wrapped(encoding: Encoding): Opaque {
  const message: Opaque = { $typeName: EmptySchema.typeName };
  if (encoding.length === 0) return message;
  const bytes = new Uint8Array(encoding.length);
  encoding.write(bytes, 0);
  // The fields of these messages have numbers below 16, so that their tags are single bytes.
  const tag = bytes[0] as number;
  message.$unknown = [{ no: tag >>> 3, wireType: tag & 7, data: bytes.subarray(1) }];
  return message;
}

/** The bytes of a message. */
export function unwrapped(message: Opaque): Uint8Array {
  return whereItLies(message) ?? toBinary(EmptySchema, message);
}

/** Its bytes where the library has read them: fields are views of them. Undefined when its tags are not single bytes, or it is empty. */
function whereItLies({ $unknown: fields = [] }: Opaque): Uint8Array | undefined {
  const first = fields[0]?.data;
  if (first === undefined || first.byteOffset === 0) return undefined;
  const { buffer, byteOffset: from } = first;
  const all = new Uint8Array(buffer);
  let at = from - 1;
  for (const { no, wireType, data } of fields) {
    const isNext = data.buffer === buffer && data.byteOffset === at + 1;
    if (!isNext || all[at] !== ((no << 3) | wireType)) return undefined;
    at += 1 + data.length;
  }
  return all.subarray(from - 1, at);
}

function decoded<T>(message: Opaque, decode: (bytes: Uint8Array) => T): T {
  try {
    return decode(unwrapped(message));
  } catch (error) {
    // As the library says it.
    const what = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`parse binary: ${what}`, Code.Internal);
  }
}
