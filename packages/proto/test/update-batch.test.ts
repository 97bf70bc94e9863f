import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  encodingOfUpdateAnswers,
  encodingOfUpdateBatch,
  FailureCode,
  readUpdateAnswers,
  readUpdateBatch,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  UpdateKind,
  type Encoding,
  type UpdateAnswers,
  type UpdateBatch,
} from "../src/index.js";

const max = 2n ** 64n - 1n;
const large = new Uint8Array(20_000).fill(7);

const batches: UpdateBatch[] = [
  {},
  { updates: [{}] },
  {
    updates: [
      { clientId: 7n, timestamp: 1n, update: Uint8Array.of(1, 2), session: 3n, answeredUpTo: 1n },
      { clientId: max, nodeId: 2n, timestamp: max, update: large, kind: UpdateKind.REGISTER },
      { clientId: 1n, kind: 300 as UpdateKind },
    ],
  },
  { updates: [{ clientId: 1n, kind: -1 as UpdateKind }] },
  { abandoned: [{ clientId: 7n, timestamp: 1n }], abandonedQueries: [{ id: 4n }] },
  { updates: [{ clientId: 7n }], queries: [{ id: 3n, request: { query: large } }], abandoned: [{}] },
].map((init) => create(UpdateBatchSchema, init));

const answers: UpdateAnswers[] = [
  {},
  { leaderId: 0n },
  { leaderId: max, answers: [{}] },
  {
    answers: [
      { clientId: 7n, timestamp: max, seq: 2n ** 53n, result: large },
      { clientId: 7n, timestamp: 2n, seq: 1n, duplicate: true },
      { clientId: 7n, timestamp: 3n, failure: { code: FailureCode.BUSY, detail: "later" } },
      { clientId: 7n, timestamp: 4n, failure: {} },
    ],
  },
  { answers: [{ seq: 1n }], leaderId: 1n, queryAnswers: [{ id: 4n }] },
].map((init) => create(UpdateAnswersSchema, init));

/** Between other bytes, which must stay as they are. */
function written({ length, write }: Encoding): Uint8Array {
  const bytes = new Uint8Array(length + 2).fill(255);
  expect(write(bytes, 1)).toBe(length + 1);
  expect([bytes[0], bytes.at(-1)]).toEqual([255, 255]);
  return bytes.slice(1, -1);
}

test("batches and answers are written as protobuf-es does it", () => {
  for (const batch of batches)
    expect(Buffer.compare(written(encodingOfUpdateBatch(batch)), toBinary(UpdateBatchSchema, batch))).toBe(0);
  for (const answer of answers) {
    const expected = toBinary(UpdateAnswersSchema, answer);
    expect(Buffer.compare(written(encodingOfUpdateAnswers(answer)), expected)).toBe(0);
  }
});

test("what holds nothing else is read as protobuf-es does it, and all else is left to it", () => {
  const read = batches.map((batch) => {
    const bytes = toBinary(UpdateBatchSchema, batch);
    const found = readUpdateBatch(bytes, 0, bytes.length, 100);
    expect(found ?? fromBinary(UpdateBatchSchema, bytes)).toEqual(fromBinary(UpdateBatchSchema, bytes));
    return found !== undefined;
  });
  expect(read).toEqual([true, true, true, false, false, false]);
  const readAnswers = answers.map((answer) => {
    const bytes = toBinary(UpdateAnswersSchema, answer);
    const found = readUpdateAnswers(bytes, 0, bytes.length, 100);
    expect(found ?? fromBinary(UpdateAnswersSchema, bytes)).toEqual(fromBinary(UpdateAnswersSchema, bytes));
    return found !== undefined;
  });
  expect(readAnswers).toEqual([true, true, true, false, false]);
});

test("no more elements are read than there may be", () => {
  const batch = toBinary(UpdateBatchSchema, create(UpdateBatchSchema, { updates: [{}, {}, {}] }));
  expect(readUpdateBatch(batch, 0, batch.length, 3)?.updates).toHaveLength(3);
  expect(readUpdateBatch(batch, 0, batch.length, 2)).toBeUndefined();
  const three = toBinary(UpdateAnswersSchema, create(UpdateAnswersSchema, { answers: [{}, {}, {}] }));
  expect(readUpdateAnswers(three, 0, three.length, 3)?.answers).toHaveLength(3);
  expect(readUpdateAnswers(three, 0, three.length, 2)).toBeUndefined();
});

test("bytes at random, and those that are cut off, are read as protobuf-es does it, or not at all", () => {
  let state = 1;
  const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  const seeds = [toBinary(UpdateBatchSchema, batches[2] as UpdateBatch).slice(0, 40)];
  seeds.push(
    toBinary(UpdateAnswersSchema, create(UpdateAnswersSchema, { answers: [{ seq: 7n }, { seq: 9n }] })),
  );
  let read = 0;
  for (let i = 0; i < 4_000; i++) {
    const bytes = (seeds[i % 2] as Uint8Array).slice(0, random(40));
    for (let changes = random(3); changes > 0 && bytes.length > 0; changes--)
      bytes[random(bytes.length)] = random(256);
    const batch = readUpdateBatch(bytes, 0, bytes.length, 100);
    expect(batch).toEqual(batch && fromBinary(UpdateBatchSchema, bytes));
    const answer = readUpdateAnswers(bytes, 0, bytes.length, 100);
    expect(answer).toEqual(answer && fromBinary(UpdateAnswersSchema, bytes));
    if (batch !== undefined || answer !== undefined) read++;
  }
  expect(read).toBeGreaterThan(200);
});
