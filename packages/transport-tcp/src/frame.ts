import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryReader, sizeDelimitedEncode, WireType } from "@bufbuild/protobuf/wire";
import {
  encodingOfUpdateAnswers,
  encodingOfUpdateBatch,
  FrameSchema,
  readUpdateAnswers,
  readUpdateBatch,
  type Encoding,
  type Frame,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import {
  callRules,
  countElements,
  elementRules,
  maxElements,
  maxUpdatesUnderWay,
  requireFew,
  requireWireType,
  updateAnswersRules,
  updateBatchRules,
} from "@paxos/transport-kit";

/** A frame, preceded by its size. */
export function encodeFrame(frame: MessageInitShape<typeof FrameSchema>): Uint8Array {
  return sizeDelimitedEncode(FrameSchema, create(FrameSchema, frame));
}

const rules = elementRules(FrameSchema, {
  updates: updateBatchRules,
  answers: updateAnswersRules,
  calls: callRules,
});
const updatesTag = (FrameSchema.field.updates.number << 3) | WireType.LengthDelimited;
const answersTag = (FrameSchema.field.answers.number << 3) | WireType.LengthDelimited;
const messagesNumber = FrameSchema.field.messages.number;
const messagesTag = (messagesNumber << 3) | WireType.LengthDelimited;

/**
 * A frame of encoded messages, preceded by its size: the bytes of `encodeFrame({ messages })`, written into one buffer
 * without the pieces that a BinaryWriter makes. Nearly all that is sent between peers passes through here.
 */
export function encodeMessages(messages: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { length } of messages) size += 1 + varintBytes(length) + length;
  const bytes = new Uint8Array(varintBytes(size) + size);
  let at = writeVarint(bytes, 0, size);
  for (const message of messages) {
    bytes[at++] = messagesTag;
    at = writeVarint(bytes, at, message.length);
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}

/** A frame of updates, preceded by its size: the bytes of `encodeFrame({ updates })`. */
export function encodeUpdates(updates: UpdateBatch): Uint8Array {
  return encodeOne(updatesTag, encodingOfUpdateBatch(updates));
}

/** A frame of answers, preceded by its size: the bytes of `encodeFrame({ answers })`. */
export function encodeAnswers(answers: UpdateAnswers): Uint8Array {
  return encodeOne(answersTag, encodingOfUpdateAnswers(answers));
}

function encodeOne(tag: number, content: Encoding): Uint8Array {
  const size = 1 + varintBytes(content.length) + content.length;
  const bytes = new Uint8Array(varintBytes(size) + size);
  let at = writeVarint(bytes, 0, size);
  bytes[at++] = tag;
  at = writeVarint(bytes, at, content.length);
  content.write(bytes, at);
  return bytes;
}

/**
 * Reads a frame without its size; messages and other bytes in it are views of `bytes`. Fields that this version does not know
 * are left out. Throws when the bytes are no frame, or one of more than 65,536 elements or 4,096 updates.
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  return decodeUpdates(bytes) ?? decodeAnything(bytes);
}

/** A frame of nothing but updates, or answers to updates; undefined when it is another one. */
function decodeUpdates(bytes: Uint8Array): Frame | undefined {
  const tag = bytes[0];
  if (tag !== updatesTag && tag !== answersTag) return undefined;
  const reader = new BinaryReader(bytes.subarray(1, 6));
  const size = reader.uint32();
  const at = 1 + reader.pos;
  if (at + size !== bytes.length) return undefined;
  const { length } = bytes;
  const frame = create(FrameSchema);
  if (tag === updatesTag) {
    const updates = readUpdateBatch(bytes, at, length, maxUpdatesUnderWay);
    return updates === undefined ? undefined : Object.assign(frame, { updates });
  }
  // The frame's own field is an element, too.
  const answers = readUpdateAnswers(bytes, at, length, maxElements - 1);
  return answers === undefined ? undefined : Object.assign(frame, { answers });
}

function decodeAnything(bytes: Uint8Array): Frame {
  const reader = new BinaryReader(bytes);
  const messages: Uint8Array[] = [];
  let others = 0;
  let elements = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    requireWireType(rules, number, wireType);
    if (number === messagesNumber) {
      messages.push(reader.bytes());
    } else {
      others++;
      const parts = rules.inner.get(number);
      if (parts === undefined) reader.skip(wireType, number);
      else elements += countElements(parts, reader.bytes());
    }
    requireFew(elements + messages.length + others);
  }
  // Reflection costs more than all else here, and frames that hold nothing but messages need none.
  if (others > 0) return fromBinary(FrameSchema, bytes, { readUnknownFields: false });
  const frame = create(FrameSchema);
  frame.messages = messages;
  return frame;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
