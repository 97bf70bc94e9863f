import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { MessageSchema, ProposalSchema, type Message, type Proposal } from "./gen/paxos/v1/paxos_pb.js";

// One proposal goes to every peer and to storage. It is encoded once, for as long as somebody holds it.
const encoded = new WeakMap<Proposal, Uint8Array>();

/**
 * Encodes a proposal, or gives the bytes of its first encoding. A proposal must not be changed once it
 * has been passed here or to {@link encodeMessage}.
 */
export function encodeProposal(proposal: Proposal): Uint8Array {
  let bytes = encoded.get(proposal);
  if (bytes === undefined) {
    bytes = toBinary(ProposalSchema, proposal);
    encoded.set(proposal, bytes);
  }
  return bytes;
}

/**
 * Encodes a message for the wire. The bytes are those of `toBinary(MessageSchema, message)`; the
 * proposal inside, if any, is encoded only the first time.
 */
export function encodeMessage(message: Message): Uint8Array {
  if (message.type.case !== "proposal") return toBinary(MessageSchema, message);
  const { to, epoch, group, storeId, from } = MessageSchema.field;
  const writer = new BinaryWriter();
  if (message.to !== 0n) writer.tag(to.number, WireType.Varint).uint64(message.to);
  writer
    .tag(MessageSchema.field.proposal.number, WireType.LengthDelimited)
    .bytes(encodeProposal(message.type.value));
  if (message.epoch !== 0n) writer.tag(epoch.number, WireType.Varint).uint64(message.epoch);
  if (message.group !== 0n) writer.tag(group.number, WireType.Varint).uint64(message.group);
  if (message.storeId !== 0n) writer.tag(storeId.number, WireType.Bit64).fixed64(message.storeId);
  if (message.from !== 0n) writer.tag(from.number, WireType.Varint).uint64(message.from);
  return writer.finish();
}
