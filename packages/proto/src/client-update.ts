import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ClientUpdateSchema, UpdateKind } from "./gen/paxos/v1/paxos_pb.js";

// Every update passes through here on every node, so it is read and written without reflection.
const { clientId, nodeId, timestamp, update, kind, session, answeredUpTo } = ClientUpdateSchema.field;

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

/** Encodes a ClientUpdate. The bytes are those of `toBinary(ClientUpdateSchema, fields)`. */
export function encodeClientUpdate(fields: ClientUpdateInit): Uint8Array {
  const writer = new BinaryWriter();
  if (fields.clientId !== 0n) writer.tag(clientId.number, WireType.Varint).uint64(fields.clientId);
  if (fields.nodeId !== 0n) writer.tag(nodeId.number, WireType.Varint).uint64(fields.nodeId);
  if (fields.timestamp !== 0n) writer.tag(timestamp.number, WireType.Varint).uint64(fields.timestamp);
  if (fields.update.length > 0) writer.tag(update.number, WireType.LengthDelimited).bytes(fields.update);
  if (fields.kind) writer.tag(kind.number, WireType.Varint).int32(fields.kind);
  if (fields.session) writer.tag(session.number, WireType.Varint).uint64(fields.session);
  if (fields.answeredUpTo) writer.tag(answeredUpTo.number, WireType.Varint).uint64(fields.answeredUpTo);
  return writer.finish();
}

const empty: Uint8Array = new Uint8Array();

/**
 * Decodes a ClientUpdate. `update` is a view of `bytes`, not a copy. Throws, as `fromBinary` does, when the
 * bytes are not an encoded message.
 */
export function decodeClientUpdate(bytes: Uint8Array): ClientUpdateFields {
  const reader = new BinaryReader(bytes);
  const fields = {
    clientId: 0n,
    nodeId: 0n,
    timestamp: 0n,
    update: empty,
    kind: UpdateKind.UNSPECIFIED,
    session: 0n,
    answeredUpTo: 0n,
  };
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === update.number && wireType === WireType.LengthDelimited) fields.update = reader.bytes();
    else if (wireType !== WireType.Varint) reader.skip(wireType, number);
    else if (number === clientId.number) fields.clientId = BigInt(reader.uint64());
    else if (number === nodeId.number) fields.nodeId = BigInt(reader.uint64());
    else if (number === timestamp.number) fields.timestamp = BigInt(reader.uint64());
    else if (number === kind.number) fields.kind = reader.int32();
    else if (number === session.number) fields.session = BigInt(reader.uint64());
    else if (number === answeredUpTo.number) fields.answeredUpTo = BigInt(reader.uint64());
    else reader.skip(wireType, number);
  }
  return fields;
}
