import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryReader, sizeDelimitedEncode, WireType } from "@bufbuild/protobuf/wire";
import { FrameSchema, type Frame } from "@paxos/proto";
import {
  callRules,
  countElements,
  elementRules,
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

/**
 * Reads a frame without its size; messages and other bytes in it are views of `bytes`. Fields that this version does not know
 * are left out. Throws when the bytes are no frame, or one of more than 65,536 elements or 4,096 updates.
 */
export function decodeFrame(bytes: Uint8Array): Frame {
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
