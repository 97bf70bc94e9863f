import { create, toBinary } from "@bufbuild/protobuf";
import {
  CallSchema,
  CatchUpAnswerSchema,
  EpochRecordSchema,
  MessageSchema,
  PrepareOKSchema,
  ProposalSchema,
  SnapshotChunkSchema,
  type Message,
} from "@paxos/proto";
import { expect, test } from "@jest/globals";
import {
  callRules,
  countElements,
  maxElements,
  requireFewInMessage,
  updateAnswersRules,
  updateBatchRules,
} from "./elements.js";

/** Fields of two bytes each. */
const empty = (tag: number, count: number): Uint8Array =>
  new Uint8Array(2 * count).map((_, index) => (index % 2 === 0 ? tag : 0));

test("a batch has 4,096 updates and 4,096 queries at most, and as many elements as a frame", () => {
  expect(countElements(updateBatchRules, empty(0x0a, 4096))).toBe(4096);
  expect(() => countElements(updateBatchRules, empty(0x0a, 4097))).toThrow("more than 4096 elements");
  expect(countElements(updateBatchRules, empty(0x1a, 4096))).toBe(4096);
  expect(() => countElements(updateBatchRules, empty(0x1a, 4097))).toThrow("more than 4096 elements");
  const both = Buffer.concat([empty(0x0a, 4096), empty(0x1a, 4096), empty(0x22, 10)]);
  expect(countElements(updateBatchRules, both)).toBe(8202);
  expect(countElements(updateBatchRules, empty(0x12, maxElements))).toBe(maxElements);
  expect(() => countElements(updateBatchRules, empty(0x12, maxElements + 1))).toThrow("more than 65536");
});

test("a field of another wire type than its own is not counted as something else", () => {
  expect(() => countElements(updateAnswersRules, empty(0x08, 1))).toThrow("field 1 has wire type 0");
});

test("a change of the membership has as many members as a frame has elements", () => {
  const call = (members: number): Uint8Array => {
    const lists = { voters: Array.from({ length: members }, () => ({})), learners: [{}] };
    const change = { changeId: 1n, type: { case: "setMembers" as const, value: lists } };
    return toBinary(
      CallSchema,
      create(CallSchema, { id: 1n, type: { case: "changeMembership", value: { change } } }),
    );
  };
  // The id, the request, the change and its two fields, and the learner.
  expect(countElements(callRules, call(7))).toBe(7 + 6);
  expect(() => countElements(callRules, call(maxElements))).toThrow("more than 65536 elements");
});

const message = (type: Message["type"]): Uint8Array =>
  toBinary(MessageSchema, create(MessageSchema, { to: 1n, storeId: 2n ** 63n, from: 2n, type }));
const updates = (count: number): Uint8Array[] => Array<Uint8Array>(count).fill(new Uint8Array());
const proposal = (count: number) => ({
  case: "proposal" as const,
  value: create(ProposalSchema, { seq: 1n, updates: updates(count) }),
});

test.each<[string, (count: number) => Message["type"]]>([
  ["a proposal", proposal],
  [
    "an answer to a catch-up",
    (count) => ({ case: "catchUpAnswer", value: create(CatchUpAnswerSchema, { updates: updates(count) }) }),
  ],
  [
    "the proposals of a PrepareOK",
    (count) => ({
      case: "prepareOk",
      value: create(PrepareOKSchema, {
        dataList: [1, 2, 3].map(() => create(MessageSchema, { type: proposal(Math.floor(count / 3)) })),
      }),
    }),
  ],
])("%s of a leader's three windows passes; more empty ones than any leader has do not", (_, typeOf) => {
  requireFewInMessage(message(typeOf(3 * 65_536)));
  expect(() => requireFewInMessage(message(typeOf(300_000)))).toThrow("more than 262144 elements");
});

test("a chunk of a snapshot passes, as large as they are; one with more members than any cluster has does not", () => {
  const chunk = (members: number) => {
    const epochRecord = create(EpochRecordSchema, { voters: Array.from({ length: members }, () => ({})) });
    const snapshot = { seq: 5n, origin: 2n ** 63n, chunks: 3, checksum: 2 ** 32 - 1, epochRecord };
    const data = new Uint8Array(8 * 1024 * 1024);
    const value = create(SnapshotChunkSchema, { snapshot, index: 2, data, checksum: 1 });
    return message({ case: "snapshotChunk", value });
  };
  requireFewInMessage(chunk(7));
  expect(() => requireFewInMessage(chunk(300_000))).toThrow("more than 262144 elements");
});

test("messages within messages are counted, however deep they are", () => {
  const wrapped = (inner: Message): Message =>
    create(MessageSchema, {
      type: { case: "prepareOk", value: create(PrepareOKSchema, { dataList: [inner] }) },
    });
  const hidden = (count: number): Uint8Array => {
    let nested = create(MessageSchema, { type: proposal(count) });
    for (let depth = 0; depth < 20; depth++) nested = wrapped(nested);
    return toBinary(MessageSchema, nested);
  };
  requireFewInMessage(hidden(262_000));
  expect(() => requireFewInMessage(hidden(262_144))).toThrow("more than 262144 elements");
});
