// What a change makes of an epoch record. Knows nothing of who is up.
import { create } from "@bufbuild/protobuf";
import {
  EpochRecordSchema,
  MemberSchema,
  type EpochRecord,
  type Member,
  type MembershipChange,
} from "@paxos/proto";
import { ConfigError } from "./errors.js";
import { majorities, Membership, membersOf } from "./membership.js";

/** Bounds the size of epoch records. */
const maxMembers = 64;

/** The most characters of an address. */
export const maxAddress = 300;

/** A change that cannot be made. The message says why, and what to do. */
export class ChangeError extends Error {
  override readonly name = "ChangeError";
}

/** Who is to belong to the next epoch. */
interface Draft {
  voters: Member[];
  learners: Member[];
  nextNodeId: bigint;
  prepareQuorum: number;
  acceptQuorum: number;
}

/**
 * The record of the next epoch, but for its first view, where it begins, and the store ids that are known by now.
 * @throws ChangeError
 */
export function nextRecord(record: EpochRecord, { type, changeId }: MembershipChange): EpochRecord {
  const draft: Draft = {
    voters: [...record.voters],
    learners: [...record.learners],
    nextNodeId: record.nextNodeId,
    prepareQuorum: 0,
    acceptQuorum: 0,
  };
  applyChange(draft, type);
  const { voters, learners, nextNodeId } = draft;
  if (voters.length + learners.length > maxMembers) fail(`more than ${maxMembers} members are not allowed`);
  if (voters.length === 0) fail("the last voter cannot leave; add and promote another one first");
  requireDistinctAddresses(membersOf(draft));
  const next = create(EpochRecordSchema, {
    formatVersion: record.formatVersion,
    epoch: record.epoch + 1n,
    voters,
    learners,
    ...(type.case === "setQuorums" ? quorumsAsked(draft) : quorumsFor(voters.length, record)),
    nextNodeId,
    base: record.base,
    changeId,
    commandVersion: record.commandVersion,
  });
  try {
    return new Membership(next).record;
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message.replace("epochRecord: ", ""));
    throw error;
  }
}

function applyChange(draft: Draft, type: MembershipChange["type"]): void {
  switch (type.case) {
    case "addLearner":
      draft.learners.push(newMember(draft, type.value.nodeId, type.value.address));
      return;
    case "promote": {
      const member = takeOut(
        draft,
        "learners",
        type.value,
        "is no learner: add it first, and wait until it is level",
      );
      draft.voters.push(member);
      return;
    }
    case "demote":
      draft.learners.push(takeOut(draft, "voters", type.value, "is no voter"));
      return;
    case "remove":
      takeOut(draft, listOf(draft, type.value), type.value, "is no member");
      return;
    case "replace": {
      const { leaves, comes, address } = type.value;
      const list = listOf(draft, leaves);
      const at = draft[list].findIndex((member) => member.nodeId === leaves);
      const learner = draft.learners.find((member) => member.nodeId === comes);
      if (learner !== undefined && address !== "" && address !== learner.address) {
        fail(`node ${comes} is a learner at ${learner.address}; to give it another address, move it`);
      }
      const member = learner ?? newMember(draft, comes, address);
      draft[list][at] = member;
      if (list === "voters") draft.learners = draft.learners.filter((other) => other !== learner);
      return;
    }
    case "move": {
      const list = listOf(draft, type.value.nodeId);
      edit(draft, list, type.value.nodeId, { address: requireAddress(type.value.address) });
      return;
    }
    case "setMembers": {
      const known = membersOf(draft);
      const resolve = ({ nodeId, address }: Member): Member => {
        const member = known.find((candidate) => candidate.nodeId === nodeId);
        if (member === undefined) return newMember(draft, nodeId, address);
        return address === "" ? member : create(MemberSchema, { ...member, address });
      };
      // In the order of their ids: each new id raises the lowest one that is free.
      const all = membersOf(type.value).sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
      const resolved = new Map(all.map((member) => [member, resolve(member)]));
      const pick = (members: readonly Member[]) => members.map((member) => resolved.get(member) as Member);
      draft.voters = pick(type.value.voters);
      draft.learners = pick(type.value.learners);
      return;
    }
    case "setQuorums":
      draft.prepareQuorum = type.value.prepareQuorum;
      draft.acceptQuorum = type.value.acceptQuorum;
      return;
    case "setPriority": {
      const { nodeId, priority } = type.value;
      edit(draft, listOf(draft, nodeId), nodeId, { priority });
      return;
    }
    case undefined:
      fail("it does not say what to change; it may come from a newer version");
  }
}

function newMember(draft: Draft, nodeId: bigint, address: string): Member {
  const known = membersOf(draft).some((member) => member.nodeId === nodeId);
  if (known) fail(`node ${nodeId} is a member already`);
  if (nodeId < draft.nextNodeId) {
    fail(
      `node id ${nodeId} was used before, and ids are never used again; the lowest free one is ${draft.nextNodeId}`,
    );
  }
  if (nodeId > BigInt(Number.MAX_SAFE_INTEGER)) fail(`node id ${nodeId} exceeds 2^53 - 1`);
  draft.nextNodeId = nodeId + 1n;
  return create(MemberSchema, { nodeId, address: requireAddress(address) });
}

function listOf(draft: Draft, nodeId: bigint): "voters" | "learners" {
  if (draft.voters.some((member) => member.nodeId === nodeId)) return "voters";
  if (draft.learners.some((member) => member.nodeId === nodeId)) return "learners";
  const members = membersOf(draft)
    .map((member) => member.nodeId)
    .join(", ");
  return fail(`node ${nodeId} is no member; the members are ${members}`);
}

function takeOut(draft: Draft, list: "voters" | "learners", nodeId: bigint, otherwise: string): Member {
  const member = draft[list].find((candidate) => candidate.nodeId === nodeId);
  if (member === undefined) return fail(`node ${nodeId} ${otherwise}`);
  draft[list] = draft[list].filter((candidate) => candidate !== member);
  return member;
}

function edit(
  draft: Draft,
  list: "voters" | "learners",
  nodeId: bigint,
  change: Partial<Pick<Member, "address" | "priority">>,
): void {
  draft[list] = draft[list].map((member) =>
    member.nodeId === nodeId ? create(MemberSchema, { ...member, ...change }) : member,
  );
}

function requireAddress(address: string): string {
  const inBounds = address.length > 0 && address.length <= maxAddress;
  return inBounds ? address : fail(`an address has 1 to ${maxAddress} characters, not ${address.length}`);
}

function requireDistinctAddresses(members: readonly Member[]): void {
  const seen = new Map<string, bigint>();
  for (const { address, nodeId } of members) {
    const other = seen.get(address);
    if (other !== undefined) fail(`nodes ${other} and ${nodeId} would both be at ${address}`);
    seen.set(address, nodeId);
  }
}

function quorumsAsked({ voters, prepareQuorum, acceptQuorum }: Draft) {
  return prepareQuorum === 0 && acceptQuorum === 0
    ? majorities(voters.length)
    : { prepareQuorum, acceptQuorum };
}

/** Majorities stay majorities; of other sizes that of the accept quorum stays, as far as there are so many voters. */
function quorumsFor(voters: number, { voters: before, prepareQuorum, acceptQuorum }: EpochRecord) {
  const usual = majorities(before.length);
  if (prepareQuorum === usual.prepareQuorum && acceptQuorum === usual.acceptQuorum) return majorities(voters);
  const accept = Math.min(acceptQuorum, voters);
  return { prepareQuorum: voters + 1 - accept, acceptQuorum: accept };
}

function fail(what: string): never {
  throw new ChangeError(what);
}
