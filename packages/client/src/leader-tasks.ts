// What the library asks of leaders.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ClientTransport } from "@paxos/core";
import {
  ChangeMembershipResponseSchema,
  MembershipChangeSchema,
  type ChangeMembershipResponse,
} from "@paxos/proto";
import type { LeaderTask } from "./leader-request.js";

/** A change of the membership; see membership.proto. `changeId` is chosen at random unless it is given. */
export type MembershipChangeInit = MessageInitShape<typeof MembershipChangeSchema>;

/** Who led, and who leads now. */
export interface LeadershipTransfer {
  readonly from: bigint;
  /** The same when it led already. */
  readonly to: bigint;
}

/** A change, made once: every attempt has the same id. */
export function changeTask(
  transport: ClientTransport,
  init: MembershipChangeInit,
  newId: () => bigint,
): LeaderTask<ChangeMembershipResponse> {
  const change = create(MembershipChangeSchema, init);
  if (change.changeId === 0n) change.changeId = newId();
  return {
    name: "the change",
    send(leader, doubted, signal) {
      // The cluster knows the id of its last change only: if others have been made since the first attempt, it could be made twice.
      const epoch = change.epoch ?? doubted?.record.epoch;
      const sent = epoch === undefined ? change : { ...change, epoch };
      return transport.changeMembership(leader.address, sent, signal);
    },
    seen: ({ record }) =>
      record.changeId === change.changeId
        ? create(ChangeMembershipResponseSchema, { epochRecord: record })
        : undefined,
  };
}

/** A hand-over, to this node or to the one that is fittest. */
export function transferTask(
  transport: ClientTransport,
  to: bigint | undefined,
): LeaderTask<LeadershipTransfer> {
  return {
    name: "the hand-over",
    async send(leader, doubted, signal) {
      const { leaderId } = await transport.transferLeadership(leader.address, to, signal);
      return { from: (doubted ?? leader).nodeId, to: leaderId };
    },
    seen(leader, doubted) {
      const isDone = to === undefined ? leader.nodeId !== doubted.nodeId : leader.nodeId === to;
      return isDone ? { from: doubted.nodeId, to: leader.nodeId } : undefined;
    },
  };
}
