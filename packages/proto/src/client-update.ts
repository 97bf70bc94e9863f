// Every update passes through here on every node, so it is read and written without reflection, and without a piece of memory of its own.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientUpdateSchema, UpdateKind, type ClientUpdate } from "./gen/paxos/v1/paxos_pb.js";
import { allocateBytes } from "./slab.js";
import {
  fieldLength,
  lastVarint,
  lastVarint31,
  lastVarintIsZero,
  length32,
  pieceLength,
  readVarint,
  writeBytesField,
  writeField,
  writeVarint32,
} from "./varint.js";

/** The tags as they stand before the fields. */
const tags = {
  clientId: 0x08,
  nodeId: 0x10,
  timestamp: 0x18,
  update: 0x22,
  kind: 0x28,
  session: 0x30,
  answeredUpTo: 0x38,
};

/** The fields of a {@link ClientUpdate}, without the message around them. */
export interface ClientUpdateFields {
  readonly clientId: bigint;
  readonly nodeId: bigint;
  readonly timestamp: bigint;
  readonly update: Uint8Array;
  readonly kind: UpdateKind;
  readonly session: bigint;
  readonly answeredUpTo: bigint;
}

/** The fields of a ClientUpdate that is made; those left out are 0. */
export type ClientUpdateInit = Pick<ClientUpdateFields, "clientId" | "nodeId" | "timestamp" | "update"> &
  Partial<ClientUpdateFields>;

/** Encodes a ClientUpdate. The bytes are those of `toBinary(ClientUpdateSchema, fields)`; numbers are taken modulo 2^64. */
export function encodeClientUpdate(fields: ClientUpdateInit): Uint8Array {
  // Of a later release, if of any.
  if ((fields.kind ?? 0) < 0) return toBinary(ClientUpdateSchema, create(ClientUpdateSchema, fields));
  const bytes = allocateBytes(clientUpdateLength(fields));
  writeClientUpdate(bytes, 0, fields);
  return bytes;
}

/** How many bytes a ClientUpdate takes whose kind is not below 0. */
export function clientUpdateLength(fields: ClientUpdateInit): number {
  const { clientId, nodeId, timestamp, update, kind = 0, session = 0n, answeredUpTo = 0n } = fields;
  return (
    fieldLength(clientId) +
    fieldLength(nodeId) +
    fieldLength(timestamp) +
    (update.length === 0 ? 0 : pieceLength(update.length)) +
    (kind === 0 ? 0 : 1 + length32(kind)) +
    fieldLength(session) +
    fieldLength(answeredUpTo)
  );
}

/** Writes a ClientUpdate whose kind is not below 0, and returns where it ends. */
export function writeClientUpdate(bytes: Uint8Array, at: number, fields: ClientUpdateInit): number {
  const { clientId, nodeId, timestamp, update, kind = 0, session = 0n, answeredUpTo = 0n } = fields;
  at = writeField(bytes, at, tags.clientId, clientId);
  at = writeField(bytes, at, tags.nodeId, nodeId);
  at = writeField(bytes, at, tags.timestamp, timestamp);
  at = writeBytesField(bytes, at, tags.update, update);
  if (kind !== 0) {
    bytes[at++] = tags.kind;
    at = writeVarint32(bytes, at, kind);
  }
  at = writeField(bytes, at, tags.session, session);
  return writeField(bytes, at, tags.answeredUpTo, answeredUpTo);
}

const empty: Uint8Array = new Uint8Array();

/**
 * Decodes a ClientUpdate. `update` is a view of `bytes`, not a copy. Throws, as `fromBinary` does, when the
 * bytes are not an encoded message.
 */
export function decodeClientUpdate(bytes: Uint8Array): ClientUpdate {
  return readClientUpdate(bytes, 0, bytes.length) ?? decodeAnything(bytes);
}

/** What is unusual, be it wrong or of a later release: as protobuf-es reads it. */
function decodeAnything(bytes: Uint8Array): ClientUpdate {
  return fromBinary(ClientUpdateSchema, bytes, { readUnknownFields: false });
}

/** Reads a ClientUpdate up to `end`; undefined when there is anything but the fields that this release knows. */
export function readClientUpdate(bytes: Uint8Array, at: number, end: number): ClientUpdate | undefined {
  let clientId = 0n;
  let nodeId = 0n;
  let timestamp = 0n;
  let session = 0n;
  let answeredUpTo = 0n;
  let update = empty;
  let kind = UpdateKind.UNSPECIFIED;
  while (at < end) {
    const tag = bytes[at] as number;
    at = readVarint(bytes, at + 1, end);
    if (at < 0) return undefined;
    switch (tag) {
      case tags.clientId:
        clientId = lastVarint();
        break;
      case tags.nodeId:
        nodeId = lastVarint();
        break;
      case tags.timestamp:
        timestamp = lastVarint();
        break;
      case tags.update: {
        const size = lastVarint31();
        if (size < 0 || size > end - at) return undefined;
        update = new Uint8Array(bytes.buffer, bytes.byteOffset + at, size);
        at += size;
        break;
      }
      case tags.kind:
        kind = lastVarint31();
        if (kind < 0) return undefined;
        break;
      case tags.session:
        session = lastVarint();
        break;
      case tags.answeredUpTo:
        answeredUpTo = lastVarint();
        break;
      default:
        return undefined;
    }
  }
  return {
    $typeName: "paxos.v1.ClientUpdate",
    clientId,
    nodeId,
    timestamp,
    update,
    kind,
    session,
    answeredUpTo,
  };
}

/**
 * Whether the bytes are an encoded ClientUpdate of a client, with no fields but those that this release knows. Takes a fraction of
 * the time that decoding does; whatever it says no to has to be decoded.
 */
export function isPlainClientUpdate(bytes: Uint8Array): boolean {
  const end = bytes.length;
  let ofClient = false;
  for (let at = 0; at < end;) {
    const tag = bytes[at] as number;
    at = readVarint(bytes, at + 1, end);
    if (at < 0) return false;
    switch (tag) {
      case tags.clientId:
        ofClient = !lastVarintIsZero();
        break;
      case tags.update: {
        const size = lastVarint31();
        if (size < 0 || size > end - at) return false;
        at += size;
        break;
      }
      case tags.kind:
        if (lastVarint31() < 0) return false;
        break;
      case tags.nodeId:
      case tags.timestamp:
      case tags.session:
      case tags.answeredUpTo:
        break;
      default:
        return false;
    }
  }
  return ofClient;
}
