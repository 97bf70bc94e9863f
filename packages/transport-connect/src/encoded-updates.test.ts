import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import {
  encodingOfUpdateAnswers,
  encodingOfUpdateBatch,
  FailureCode,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import {
  decodedAnswers,
  decodedBatches,
  encodedAnswers,
  encodedBatches,
  unwrapped,
  wrapped,
} from "./encoded-updates.js";

const updates = [
  { clientId: 2n ** 64n - 1n, nodeId: 1n, timestamp: 3n, update: Uint8Array.of(0, 255, 128) },
  { clientId: 5n, timestamp: 4n, update: new Uint8Array(300).fill(7) },
  {},
];
const batches: [string, UpdateBatch][] = [
  ["nothing", create(UpdateBatchSchema)],
  ["updates", create(UpdateBatchSchema, { updates })],
  [
    "queries alone",
    create(UpdateBatchSchema, { queries: [{ id: 1n, request: { query: Uint8Array.of(1) } }] }),
  ],
  [
    "all of it",
    create(UpdateBatchSchema, {
      updates,
      abandoned: [{ clientId: 1n, timestamp: 2n }],
      queries: [{ id: 1n, request: {} }],
      abandonedQueries: [{ id: 3n }],
    }),
  ],
];
const answers: [string, UpdateAnswers][] = [
  ["nothing", create(UpdateAnswersSchema)],
  ["answers", create(UpdateAnswersSchema, { answers: [{ clientId: 1n, timestamp: 2n, seq: 3n }, {}] })],
  [
    "all of it",
    create(UpdateAnswersSchema, {
      answers: [{ clientId: 1n, failure: { code: FailureCode.BUSY, detail: "full" } }],
      leaderId: 0n,
      queryAnswers: [{ id: 1n, outcome: { case: "response", value: { result: Uint8Array.of(9) } } }],
    }),
  ],
];

test.each(batches)("a batch has the same bytes on the wire, and is what was sent: %s", async (_, batch) => {
  const [message] = await listed(encodedBatches(one(batch)));
  const bytes = toBinary(EmptySchema, message!);
  expect(bytes).toEqual(toBinary(UpdateBatchSchema, batch));
  expect(await listed(decodedBatches(one(fromBinary(EmptySchema, bytes))))).toEqual([batch]);
});

test.each(answers)("answers have the same bytes on the wire, and are what was sent: %s", async (_, some) => {
  const [message] = await listed(encodedAnswers(one(some)));
  const bytes = toBinary(EmptySchema, message!);
  expect(bytes).toEqual(toBinary(UpdateAnswersSchema, some));
  expect(await listed(decodedAnswers(one(fromBinary(EmptySchema, bytes))))).toEqual([some]);
});

test("what was received is read where it lies, wherever that is", () => {
  const bytes = toBinary(UpdateBatchSchema, batches[3]![1]);
  const frame = new Uint8Array(bytes.length + 9);
  for (const at of [0, 5, 9]) {
    frame.set(bytes, at);
    const found = unwrapped(fromBinary(EmptySchema, frame.subarray(at, at + bytes.length)));
    expect(found).toEqual(bytes);
    expect(found.buffer).toBe(frame.buffer);
  }
});

test("tags that are longer than they need be are read too", () => {
  const bytes = toBinary(UpdateBatchSchema, batches[1]![1]);
  for (const zeros of [
    [0x80, 0x00],
    [0x80, 0x80, 0x00],
  ]) {
    const first = Uint8Array.of((bytes[0] as number) | 0x80, ...zeros.slice(1), ...bytes.subarray(1));
    const both = Uint8Array.from([...bytes, ...first]);
    for (const received of [first, both]) {
      const found = unwrapped(fromBinary(EmptySchema, received));
      expect(fromBinary(UpdateBatchSchema, found)).toEqual(fromBinary(UpdateBatchSchema, received));
    }
  }
});

test("fields of a later release are not kept", async () => {
  const bytes = Uint8Array.from([...toBinary(UpdateBatchSchema, batches[1]![1]), 0x78, 1]);
  const [batch] = await listed(decodedBatches(one(fromBinary(EmptySchema, bytes))));
  expect(batch).toEqual(batches[1]![1]);
});

test.each([
  ["an update that is cut off", [0x0a, 2, 0x08, 0x80]],
  ["a failure that is cut off", [0x0a, 3, 0x32, 5, 1]],
])("what is malformed inside is refused as the library does it: %s", async (_, content) => {
  const message = fromBinary(EmptySchema, Uint8Array.from(content));
  for (const decode of [decodedBatches, decodedAnswers]) {
    const refusal = { code: Code.Internal, rawMessage: expect.stringMatching(/^parse binary: /) as unknown };
    await expect(listed<unknown>(decode(one(message)))).rejects.toMatchObject(refusal);
  }
});

test("encodings are wrapped without a copy for each element", () => {
  const batch = wrapped(encodingOfUpdateBatch(batches[1]![1]));
  const some = wrapped(encodingOfUpdateAnswers(answers[1]![1]));
  expect([batch.$unknown?.length, some.$unknown?.length]).toEqual([1, 1]);
});

async function* one<T>(message: T): AsyncGenerator<T> {
  yield await Promise.resolve(message);
}

async function listed<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}
