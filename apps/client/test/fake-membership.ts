// What a fake cluster makes of a change of its members. Less strict than a real one.
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  type EpochRecord,
  EpochRecordSchema,
  type Member,
  MemberSchema,
  type MembershipChange,
} from "@paxos/proto";

/** The next epoch's record. Throws a RequestError when the change cannot be made. */
export function changed(record: EpochRecord, { type, changeId }: MembershipChange): EpochRecord {
  const next = create(EpochRecordSchema, {
    ...record,
    epoch: record.epoch + 1n,
    voters: [...record.voters],
    learners: [...record.learners],
    changeId,
  });
  const known = [...record.voters, ...record.learners];
  const find = (id: bigint): Member => {
    const member = known.find(({ nodeId }) => nodeId === id);
    if (member === undefined) throw new RequestError("invalid", `node ${id} is no member`);
    return member;
  };
  const resolve = ({ nodeId, address }: Pick<Member, "nodeId" | "address">): Member => {
    const member = known.find((one) => one.nodeId === nodeId);
    if (member === undefined && nodeId >= next.nextNodeId) next.nextNodeId = nodeId + 1n;
    const storeId = member?.storeId ?? 0n;
    const priority = member?.priority ?? 0;
    return create(MemberSchema, { nodeId, address: address || (member?.address ?? ""), storeId, priority });
  };
  const leave = (id: bigint): void => {
    find(id);
    next.voters = next.voters.filter(({ nodeId }) => nodeId !== id);
    next.learners = next.learners.filter(({ nodeId }) => nodeId !== id);
  };
  const edit = (id: bigint, edited: Partial<Pick<Member, "address" | "priority">>): void => {
    const member = find(id);
    const replace = (one: Member) => (one === member ? create(MemberSchema, { ...one, ...edited }) : one);
    next.voters = next.voters.map(replace);
    next.learners = next.learners.map(replace);
  };
  switch (type.case) {
    case "addLearner":
      next.learners.push(resolve(type.value));
      break;
    case "promote":
      leave(type.value);
      next.voters.push(find(type.value));
      break;
    case "demote":
      leave(type.value);
      next.learners.push(find(type.value));
      break;
    case "remove":
      leave(type.value);
      break;
    case "replace":
      leave(type.value.leaves);
      next.learners = next.learners.filter(({ nodeId }) => nodeId !== type.value.comes);
      next.voters.push(resolve({ nodeId: type.value.comes, address: type.value.address }));
      break;
    case "move":
      edit(type.value.nodeId, { address: type.value.address });
      break;
    case "setMembers":
      next.voters = type.value.voters.map(resolve);
      next.learners = type.value.learners.map(resolve);
      break;
    case "setPriority":
      edit(type.value.nodeId, { priority: type.value.priority });
      break;
    case "setQuorums":
      return create(EpochRecordSchema, {
        ...next,
        prepareQuorum: type.value.prepareQuorum || majority(next),
        acceptQuorum: type.value.acceptQuorum || majority(next),
      });
    case undefined:
      throw new RequestError("invalid", "it does not say what to change");
  }
  return create(EpochRecordSchema, { ...next, prepareQuorum: majority(next), acceptQuorum: majority(next) });
}

function majority({ voters }: EpochRecord): number {
  return Math.floor(voters.length / 2) + 1;
}
