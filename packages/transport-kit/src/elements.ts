import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  CallSchema,
  CatchUpAnswerSchema,
  ChangeMembershipRequestSchema,
  EpochRecordSchema,
  MembershipChangeSchema,
  MessageSchema,
  PeerFrameSchema,
  PrepareOKSchema,
  ProposalSchema,
  SnapshotChunkSchema,
  SnapshotSchema,
  UpdateAnswersSchema,
  UpdateBatchSchema,
} from "@paxos/proto";
import { maxUpdatesUnderWay } from "./update-allowance.js";

/**
 * The most elements (messages, updates, answers, calls and so on) in one frame. Empty ones take two bytes each on the wire and a
 * hundred times that in memory; frames of the size that is sent never hold so many.
 */
export const maxElements = 65_536;

/** The most elements in one message between peers: a leader's PrepareOK may hold all proposals of three windows of 65,536 updates. */
const maxMessageElements = 262_144;

/** How the elements of an encoded message are counted: each field of it is one, and so is each field of those in `inner`. */
export interface ElementRules {
  /** The wire types of the fields, by their numbers. */
  readonly wireTypes: readonly (WireType | undefined)[];
  readonly inner: ReadonlyMap<number, ElementRules>;
  /** How often a field may come. */
  readonly atMost: ReadonlyMap<number, number>;
}

/** Rules for a message; `inner` and `atMost` are by the fields' local names. */
export function elementRules(
  schema: DescMessage,
  inner: Readonly<Record<string, ElementRules>> = {},
  atMost: Readonly<Record<string, number>> = {},
): ElementRules {
  const wireTypes: (WireType | undefined)[] = [];
  for (const field of schema.fields) wireTypes[field.number] = wireTypeOf(field);
  const byNumber = <T>(byName: Readonly<Record<string, T>>): Map<number, T> =>
    new Map(Object.entries(byName).map(([name, value]) => [schema.field[name]?.number ?? 0, value]));
  return { wireTypes, inner: byNumber(inner), atMost: byNumber(atMost) };
}

export const updateBatchRules = elementRules(
  UpdateBatchSchema,
  {},
  { updates: maxUpdatesUnderWay, queries: maxUpdatesUnderWay },
);
export const updateAnswersRules = elementRules(UpdateAnswersSchema);
export const peerFrameRules = elementRules(PeerFrameSchema);
export const callRules = rulesOfCall();

const messageRules = rulesOfMessage();

/** Of all that is asked for, members alone may be many. */
function rulesOfCall(): ElementRules {
  const { message: setMembers } = MembershipChangeSchema.field.setMembers;
  const members = setMembers === undefined ? {} : { setMembers: elementRules(setMembers) };
  const change = elementRules(MembershipChangeSchema, members);
  return elementRules(CallSchema, {
    changeMembership: elementRules(ChangeMembershipRequestSchema, { change }),
  });
}

/** A PrepareOK holds Messages in turn; what repeats in the others is counted. */
function rulesOfMessage(): ElementRules {
  const inner = new Map<number, ElementRules>();
  const rules: ElementRules = { ...elementRules(MessageSchema), inner };
  const { prepareOk, proposal, catchUpAnswer, snapshotChunk } = MessageSchema.field;
  const snapshot = elementRules(SnapshotSchema, { epochRecord: elementRules(EpochRecordSchema) });
  inner.set(prepareOk.number, elementRules(PrepareOKSchema, { dataList: rules }));
  inner.set(proposal.number, elementRules(ProposalSchema));
  inner.set(catchUpAnswer.number, elementRules(CatchUpAnswerSchema));
  inner.set(snapshotChunk.number, elementRules(SnapshotChunkSchema, { snapshot }));
  return rules;
}

/**
 * How many elements an encoded message has. Throws when it has more than `most`, or a field more often than it may come, or
 * when it cannot be read.
 */
export function countElements(rules: ElementRules, bytes: Uint8Array, most = maxElements): number {
  return count(rules, bytes, 0, most);
}

/** Throws when an encoded Message has more elements than any that is sent. */
export function requireFewInMessage(bytes: Uint8Array): void {
  // Each takes two bytes or more: nearly all messages are so small that they need not be looked through.
  if (bytes.length > 2 * maxMessageElements) countElements(messageRules, bytes, maxMessageElements);
}

function count(rules: ElementRules, bytes: Uint8Array, before: number, most: number): number {
  const reader = new BinaryReader(bytes);
  const times = rules.atMost.size === 0 ? undefined : new Map<number, number>();
  let elements = before;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    requireWireType(rules, number, wireType);
    requireFew(++elements, most);
    const limit = rules.atMost.get(number);
    if (limit !== undefined && times !== undefined) {
      const seen = (times.get(number) ?? 0) + 1;
      times.set(number, seen);
      requireFew(seen, limit);
    }
    const inner = rules.inner.get(number);
    if (inner === undefined) reader.skip(wireType, number);
    else elements = count(inner, reader.bytes(), elements, most);
  }
  return elements;
}

/** The library reads a known field by its declared type whatever the wire type says, and would count otherwise than here. */
export function requireWireType({ wireTypes }: ElementRules, number: number, wireType: WireType): void {
  const expected = wireTypes[number];
  if (expected !== undefined && wireType !== expected)
    throw new Error(`field ${number} has wire type ${wireType}`);
}

/** Throws when there are more than `most`. */
export function requireFew(elements: number, most = maxElements): void {
  if (elements > most) throw new Error(`more than ${most} elements`);
}

function wireTypeOf(field: DescField): WireType {
  if (field.fieldKind === "enum") return WireType.Varint;
  if (field.fieldKind !== "scalar") return WireType.LengthDelimited;
  switch (field.scalar) {
    case ScalarType.BYTES:
    case ScalarType.STRING:
      return WireType.LengthDelimited;
    case ScalarType.FIXED32:
      return WireType.Bit32;
    case ScalarType.FIXED64:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}
