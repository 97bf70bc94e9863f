import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, sizeDelimitedEncode, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "@jest/globals";
import { FrameSchema, UpdateAnswersSchema, UpdateBatchSchema } from "@paxos/proto";
import { maxElements } from "@paxos/transport-kit";
import { decodeFrame, encodeAnswers, encodeFrame, encodeMessages, encodeUpdates } from "./frame.js";

const bytesOf = (...sizes: number[]): Uint8Array[] => sizes.map((size) => new Uint8Array(size).fill(size));

test.each([[[0]], [[1]], [[127]], [[128]], [[1, 0, 300]], [[16_383, 16_384]], [[3_000_000]]])(
  "messages of %j bytes are encoded as the library does",
  (sizes) => {
    const messages = bytesOf(...sizes);
    const expected = sizeDelimitedEncode(FrameSchema, create(FrameSchema, { messages }));
    expect(Buffer.compare(encodeMessages(messages), expected)).toBe(0);
  },
);

test("what is encoded is decoded", () => {
  const frame = create(FrameSchema, {
    messages: bytesOf(1, 2),
    updates: { updates: [{ clientId: 7n, timestamp: 1n, update: new Uint8Array(3) }] },
    calls: [{ id: 1n, type: { case: "taken", value: 4 } }],
    ping: 2n ** 64n - 1n,
  });
  expect(decodeFrame(toBinary(FrameSchema, frame))).toEqual(frame);
  const messages = create(FrameSchema, { messages: bytesOf(5, 0) });
  expect(decodeFrame(toBinary(FrameSchema, messages))).toEqual(messages);
});

test("updates and answers are written as the library does, and read again", () => {
  const updates = create(UpdateBatchSchema, {
    updates: [1, 2, 3].map((timestamp) => ({
      clientId: 7n,
      timestamp: BigInt(timestamp),
      update: new Uint8Array(100),
    })),
  });
  const answers = create(UpdateAnswersSchema, {
    answers: [1, 2, 3].map((timestamp) => ({ clientId: 7n, timestamp: BigInt(timestamp), seq: 5n })),
    leaderId: 0n,
  });
  for (const [encoded, frame] of [
    [encodeUpdates(updates), create(FrameSchema, { updates })],
    [encodeAnswers(answers), create(FrameSchema, { answers })],
  ] as const) {
    const expected = sizeDelimitedEncode(FrameSchema, frame);
    expect(Buffer.compare(encoded, expected)).toBe(0);
    expect(decodeFrame(toBinary(FrameSchema, frame))).toEqual(frame);
    // With something behind it, it is read otherwise, and means the same.
    frame.ping = 1n;
    expect(decodeFrame(toBinary(FrameSchema, frame))).toEqual(frame);
  }
});

test("fields of later versions are skipped", () => {
  const later = new BinaryWriter().tag(99, WireType.LengthDelimited).bytes(new Uint8Array(5));
  const bytes = later.tag(10, WireType.Varint).uint64(3n).finish();
  expect(decodeFrame(bytes)).toEqual(create(FrameSchema, { ping: 3n }));
});

test("a known field with another wire type is no frame", () => {
  const bytes = new BinaryWriter().tag(3, WireType.Varint).uint32(1).finish();
  expect(() => decodeFrame(bytes)).toThrow("field 3 has wire type 0");
});

// Two bytes on the wire make an object in memory: the count is bounded, wherever they hide.
test.each(["messages", "calls", "replies"] as const)("too many empty %s are no frame", (field) => {
  const { number } = FrameSchema.field[field];
  const elements = (count: number): Uint8Array => {
    const writer = new BinaryWriter();
    for (let i = 0; i < count; i++) writer.tag(number, WireType.LengthDelimited).bytes(new Uint8Array());
    return writer.finish();
  };
  expect(decodeFrame(elements(maxElements))[field]).toHaveLength(maxElements);
  expect(() => decodeFrame(elements(maxElements + 1))).toThrow("more than 65536 elements");
});

test.each([
  ["updates", 4096],
  ["answers", 65_536],
] as const)("too many empty ones in %s are no frame", (field, most) => {
  const inner = new Uint8Array(2 * (maxElements + 1));
  for (let i = 0; i < inner.length; i += 2) inner[i] = 0x0a;
  const frame = new BinaryWriter();
  frame.tag(FrameSchema.field[field].number, WireType.LengthDelimited).bytes(inner);
  expect(() => decodeFrame(frame.finish())).toThrow(`more than ${most} elements`);
});

test("a frame is preceded by its size", () => {
  expect(Buffer.from(encodeFrame({ ping: 300n })).toString("hex")).toBe("0350ac02");
});
