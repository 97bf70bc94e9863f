import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ClientUpdateSchema } from "./gen/paxos/v1/paxos_pb.js";

// Every update passes through here on every node, so it is read and written without reflection.
const { clientId, nodeId, timestamp, update } = ClientUpdateSchema.field;

/** The fields of a {@link ClientUpdate}, without the message around them. */
export interface ClientUpdateFields {
  readonly clientId: bigint;
  readonly nodeId: bigint;
  readonly timestamp: bigint;
  readonly update: Uint8Array;
}

/** Encodes a ClientUpdate. The bytes are those of `toBinary(ClientUpdateSchema, fields)`. */
export function encodeClientUpdate(fields: ClientUpdateFields): Uint8Array {
  const writer = new BinaryWriter();
  if (fields.clientId !== 0n) writer.tag(clientId.number, WireType.Varint).uint64(fields.clientId);
  if (fields.nodeId !== 0n) writer.tag(nodeId.number, WireType.Varint).uint64(fields.nodeId);
  if (fields.timestamp !== 0n) writer.tag(timestamp.number, WireType.Varint).uint64(fields.timestamp);
  if (fields.update.length > 0) writer.tag(update.number, WireType.LengthDelimited).bytes(fields.update);
  return writer.finish();
}

const empty = new Uint8Array();

/**
 * Decodes a ClientUpdate. `update` is a view of `bytes`, not a copy. Throws, as `fromBinary` does, when the
 * bytes are not an encoded message.
 */
export function decodeClientUpdate(bytes: Uint8Array): ClientUpdateFields {
  const reader = new BinaryReader(bytes);
  const fields = { clientId: 0n, nodeId: 0n, timestamp: 0n, update: empty as Uint8Array };
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === clientId.number && wireType === WireType.Varint) fields.clientId = BigInt(reader.uint64());
    else if (number === nodeId.number && wireType === WireType.Varint)
      fields.nodeId = BigInt(reader.uint64());
    else if (number === timestamp.number && wireType === WireType.Varint) {
      fields.timestamp = BigInt(reader.uint64());
    } else if (number === update.number && wireType === WireType.LengthDelimited)
      fields.update = reader.bytes();
    else reader.skip(wireType, number);
  }
  return fields;
}
