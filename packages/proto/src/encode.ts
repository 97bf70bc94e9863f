// Messages between peers on the wire. Nearly all of them, and of their bytes, are read and written without reflection.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { MessageSchema, type Message, type Proposal } from "./gen/paxos/v1/paxos_pb.js";
import {
  acceptLength,
  heartbeatLength,
  readAccept,
  readHeartbeat,
  writeAccept,
  writeHeartbeat,
} from "./signs-of-life.js";
import {
  beginPiece,
  fieldLength,
  fixed64Bytes,
  lastVarint,
  lastVarint31,
  pieceLength,
  readFixed64,
  readVarint,
  writeField,
  writeFixed64,
  writePiece,
} from "./varint.js";

const proposalTags = { nodeId: 0x08, view: 0x10, seq: 0x18, updates: 0x22 };
const messageTags = {
  to: 0x08,
  proposal: 0x32,
  accept: 0x3a,
  clientUpdate: 0x4a,
  heartbeat: 0x52,
  epoch: 0x70,
  group: 0x78,
};
/** Those of fields from number 16 on take two bytes, of which this is the second. */
const secondByte = 0x01;
const longTags = { storeId: 0x81, from: 0x88 };

// One proposal goes to every peer and to storage. It is encoded once, for as long as somebody holds it.
const encoded = new WeakMap<Proposal, Uint8Array>();

/**
 * Encodes a proposal, or gives the bytes of its first encoding. A proposal must not be changed once it
 * has been passed here or to {@link encodeMessage}.
 */
export function encodeProposal(proposal: Proposal): Uint8Array {
  let bytes = encoded.get(proposal);
  if (bytes === undefined) {
    bytes = writeProposal(proposal);
    encoded.set(proposal, bytes);
  }
  return bytes;
}

function writeProposal(proposal: Proposal): Uint8Array {
  const bytes = new Uint8Array(proposalLength(proposal));
  writeProposalInto(bytes, 0, proposal);
  return bytes;
}

/** How many bytes a proposal takes. */
export function proposalLength(proposal: Proposal): number {
  const { nodeId, view, seq, updates } = proposal;
  const known = encoded.get(proposal)?.length;
  if (known !== undefined) return known;
  let length = fieldLength(nodeId) + fieldLength(view) + fieldLength(seq);
  for (const update of updates) length += pieceLength(update.length);
  return length;
}

/** Writes the bytes of a proposal, copied when it has been encoded before, and returns where they end. */
export function writeProposalInto(bytes: Uint8Array, at: number, proposal: Proposal): number {
  const known = encoded.get(proposal);
  if (known !== undefined) {
    bytes.set(known, at);
    return at + known.length;
  }
  const { nodeId, view, seq, updates } = proposal;
  at = writeField(bytes, at, proposalTags.nodeId, nodeId);
  at = writeField(bytes, at, proposalTags.view, view);
  at = writeField(bytes, at, proposalTags.seq, seq);
  for (const update of updates) at = writePiece(bytes, at, proposalTags.updates, update);
  return at;
}

/**
 * Encodes a message for the wire. The bytes are those of `toBinary(MessageSchema, message)`; the
 * proposal inside, if any, is encoded only the first time.
 */
export function encodeMessage(message: Message): Uint8Array {
  const { type } = message;
  switch (type.case) {
    case "proposal": {
      // Encoded here, and only copied for the next peer and for storage.
      const content = encodeProposal(type.value);
      return writeMessage(message, messageTags.proposal, content.length, (bytes, at) =>
        bytes.set(content, at),
      );
    }
    case "clientUpdate":
      return writeMessage(message, messageTags.clientUpdate, type.value.length, (bytes, at) =>
        bytes.set(type.value, at),
      );
    case "accept":
      if (type.value.$unknown !== undefined) break;
      return writeMessage(message, messageTags.accept, acceptLength(type.value), (bytes, at) =>
        writeAccept(bytes, at, type.value),
      );
    case "heartbeat":
      if (type.value.$unknown !== undefined) break;
      return writeMessage(message, messageTags.heartbeat, heartbeatLength(type.value), (bytes, at) =>
        writeHeartbeat(bytes, at, type.value),
      );
    default:
      break;
  }
  return toBinary(MessageSchema, message);
}

/** The message with its content, in one piece of memory. */
function writeMessage(
  { to, epoch, group, storeId, from }: Message,
  tag: number,
  size: number,
  writeContent: (bytes: Uint8Array, at: number) => void,
): Uint8Array {
  const length =
    fieldLength(to) +
    pieceLength(size) +
    fieldLength(epoch) +
    fieldLength(group) +
    (storeId === 0n ? 0 : 2 + fixed64Bytes) +
    (from === 0n ? 0 : 1 + fieldLength(from));
  const bytes = new Uint8Array(length);
  let at = writeField(bytes, 0, messageTags.to, to);
  at = beginPiece(bytes, at, tag, size);
  writeContent(bytes, at);
  at += size;
  at = writeField(bytes, at, messageTags.epoch, epoch);
  at = writeField(bytes, at, messageTags.group, group);
  if (storeId !== 0n) {
    bytes[at++] = longTags.storeId;
    bytes[at++] = secondByte;
    at = writeFixed64(bytes, at, storeId);
  }
  if (from !== 0n) {
    bytes[at++] = longTags.from;
    writeField(bytes, at, secondByte, from);
  }
  return bytes;
}

/** Decodes a message, as `fromBinary(MessageSchema, bytes)` does. Updates in it are views of `bytes`, not copies. */
export function decodeMessage(bytes: Uint8Array): Message {
  return readMessage(bytes) ?? fromBinary(MessageSchema, bytes);
}

/** Undefined when it is none of the frequent ones, or has fields that this release does not know. */
function readMessage(bytes: Uint8Array): Message | undefined {
  const end = bytes.length;
  let to = 0n;
  let epoch = 0n;
  let group = 0n;
  let storeId = 0n;
  let from = 0n;
  let type: Message["type"] = { case: undefined };
  for (let at = 0; at < end;) {
    const tag = bytes[at++] as number;
    if (tag === longTags.storeId) {
      if (bytes[at++] !== secondByte || at + fixed64Bytes > end) return undefined;
      storeId = readFixed64(bytes, at);
      at += fixed64Bytes;
      continue;
    }
    if (tag === longTags.from && bytes[at++] !== secondByte) return undefined;
    at = readVarint(bytes, at, end);
    if (at < 0) return undefined;
    switch (tag) {
      case messageTags.to:
        to = lastVarint();
        break;
      case messageTags.epoch:
        epoch = lastVarint();
        break;
      case messageTags.group:
        group = lastVarint();
        break;
      case longTags.from:
        from = lastVarint();
        break;
      case messageTags.proposal:
      case messageTags.accept:
      case messageTags.clientUpdate:
      case messageTags.heartbeat: {
        const size = lastVarint31();
        // One that comes twice would be merged.
        if (size < 0 || size > end - at || type.case !== undefined) return undefined;
        const content = readContent(tag, bytes, at, at + size);
        if (content === undefined) return undefined;
        type = content;
        at += size;
        break;
      }
      default:
        return undefined;
    }
  }
  if (type.case === undefined) return undefined;
  return { $typeName: "paxos.v1.Message", to, type, epoch, group, storeId, from };
}

function readContent(tag: number, bytes: Uint8Array, at: number, end: number): Message["type"] | undefined {
  switch (tag) {
    case messageTags.clientUpdate:
      return { case: "clientUpdate", value: new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at) };
    case messageTags.accept: {
      const value = readAccept(bytes, at, end);
      return value && { case: "accept", value };
    }
    case messageTags.heartbeat: {
      const value = readHeartbeat(bytes, at, end);
      return value && { case: "heartbeat", value };
    }
    default: {
      const value = readProposal(bytes, at, end);
      return value && { case: "proposal", value };
    }
  }
}

/** Undefined when it has fields that this release does not know, or is malformed. Updates are views of `bytes`. */
export function readProposal(bytes: Uint8Array, at: number, end: number): Proposal | undefined {
  let nodeId = 0n;
  let view = 0n;
  let seq = 0n;
  const updates: Uint8Array[] = [];
  while (at < end) {
    const tag = bytes[at] as number;
    at = readVarint(bytes, at + 1, end);
    if (at < 0) return undefined;
    switch (tag) {
      case proposalTags.nodeId:
        nodeId = lastVarint();
        break;
      case proposalTags.view:
        view = lastVarint();
        break;
      case proposalTags.seq:
        seq = lastVarint();
        break;
      case proposalTags.updates: {
        const size = lastVarint31();
        if (size < 0 || size > end - at) return undefined;
        updates.push(new Uint8Array(bytes.buffer, bytes.byteOffset + at, size));
        at += size;
        break;
      }
      default:
        return undefined;
    }
  }
  return { $typeName: "paxos.v1.Proposal", nodeId, view, seq, updates };
}
