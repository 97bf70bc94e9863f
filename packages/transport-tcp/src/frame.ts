import { create, fromBinary, ScalarType, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryReader, sizeDelimitedEncode, WireType } from "@bufbuild/protobuf/wire";
import { FrameSchema, UpdateAnswersSchema, UpdateBatchSchema, type Frame } from "@paxos/proto";

/**
 * The most messages, updates, answers, calls and so on in one frame. Empty ones take two bytes each on the wire and a
 * hundred times that in memory; frames of the size that is sent never hold so many.
 */
export const maxElements = 65_536;

/** A frame, preceded by its size. */
export function encodeFrame(frame: MessageInitShape<typeof FrameSchema>): Uint8Array {
  return sizeDelimitedEncode(FrameSchema, create(FrameSchema, frame));
}

const { messages: messagesField, updates: updatesField, answers: answersField } = FrameSchema.field;
const messagesTag = (messagesField.number << 3) | WireType.LengthDelimited;

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
 * are left out. Throws when the bytes are no frame, or one of more than {@link maxElements} elements.
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new BinaryReader(bytes);
  const messages: Uint8Array[] = [];
  let others = 0;
  let elements = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    requireWireType(frameWireTypes, number, wireType);
    if (number === messagesField.number) {
      messages.push(reader.bytes());
    } else {
      others++;
      const parts = partWireTypes.get(number);
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

/** The wire types of a message's fields, by their numbers. */
type WireTypes = readonly (WireType | undefined)[];

const frameWireTypes = wireTypesOf(FrameSchema);

/** Of the fields of a frame that hold elements in turn. */
const partWireTypes: ReadonlyMap<number, WireTypes> = new Map([
  [updatesField.number, wireTypesOf(UpdateBatchSchema)],
  [answersField.number, wireTypesOf(UpdateAnswersSchema)],
]);

function wireTypesOf(schema: DescMessage): WireTypes {
  const types: (WireType | undefined)[] = [];
  for (const field of schema.fields) {
    const varint = field.fieldKind === "scalar" && field.scalar !== ScalarType.BYTES;
    types[field.number] = varint ? WireType.Varint : WireType.LengthDelimited;
  }
  return types;
}

/** How many fields an encoded message has on its upper level. */
function countElements(types: WireTypes, bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes);
  let elements = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    requireWireType(types, number, wireType);
    reader.skip(wireType, number);
    requireFew(++elements);
  }
  return elements;
}

/** The library reads a known field by its declared type whatever the wire type says, and would count otherwise than here. */
function requireWireType(types: WireTypes, number: number, wireType: WireType): void {
  const expected = types[number];
  if (expected !== undefined && wireType !== expected)
    throw new Error(`field ${number} has wire type ${wireType}`);
}

function requireFew(elements: number): void {
  if (elements > maxElements) throw new Error(`a frame of more than ${maxElements} elements`);
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
