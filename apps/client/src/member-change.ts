// What is asked of the cluster to change its members, and how people are told of it.
import type { MembershipChangeInit } from "@paxos/client";
import type { EpochRecord } from "@paxos/proto";

import type { MemberAction, NamedMember } from "./member-arguments.js";

/** Everything but a list. The id of a member that is added is known. */
export type MemberChange =
  | Exclude<MemberAction, { kind: "list" | "add" }>
  | (Extract<MemberAction, { kind: "add" }> & { readonly id: number });

/** As the cluster is asked. */
export function changeType(change: MemberChange): NonNullable<MembershipChangeInit["type"]> {
  switch (change.kind) {
    case "add":
      return { case: "addLearner", value: { nodeId: BigInt(change.id), address: change.address } };
    case "promote":
    case "demote":
    case "remove":
      return { case: change.kind, value: BigInt(change.id) };
    case "replace": {
      const { leaves, comes } = change;
      const value = { leaves: BigInt(leaves), comes: BigInt(comes.id), address: comes.address ?? "" };
      return { case: "replace", value };
    }
    case "move":
      return { case: "move", value: { nodeId: BigInt(change.id), address: change.address } };
    case "priority":
      return { case: "setPriority", value: { nodeId: BigInt(change.id), priority: change.priority } };
    case "quorums": {
      const { prepare = 0, accept = 0 } = change.sizes ?? {};
      return { case: "setQuorums", value: { prepareQuorum: prepare, acceptQuorum: accept } };
    }
    case "set":
      return {
        case: "setMembers",
        value: { voters: change.voters.map(asMember), learners: change.learners.map(asMember) },
      };
  }
}

/** What has changed, once it has. */
export function changeText(change: MemberChange, record: EpochRecord): string {
  switch (change.kind) {
    case "add":
      return `node ${change.id} (${change.address}) is a learner now`;
    case "promote":
      return `node ${change.id} is a voter now`;
    case "demote":
      return `node ${change.id} is a learner now`;
    case "remove":
      return `node ${change.id} is no member any more`;
    case "replace":
      return `node ${change.comes.id} has taken the place of node ${change.leaves}`;
    case "move":
      return `node ${change.id} is at ${change.address} now`;
    case "priority":
      return `node ${change.id} has priority ${change.priority} now`;
    case "quorums":
      return `${record.prepareQuorum} voters must answer a prepare, and ${record.acceptQuorum} accept, from now on`;
    case "set":
      return "the members are those that were given";
  }
}

function asMember({ id, address = "" }: NamedMember) {
  return { nodeId: BigInt(id), address };
}
