// Of what several servers say about the membership, what counts.
import { RequestError } from "@paxos/core";
import type { MembersResponse } from "@paxos/proto";
import type { Asked } from "./asking.js";

/** Who belongs to the cluster, as a server says. */
export interface MembersAnswer {
  /** The address of that server. */
  readonly address: string;
  readonly members: MembersResponse;
}

/**
 * The answer of the leader as soon as it has come, unless its epoch is over; else, when all have answered, that of the latest epoch,
 * of one that knows a leader if there is such. Rejects with a RequestError when nobody answers.
 * @param knownEpoch - What is known of the cluster already.
 */
export function newestMembers(
  asking: readonly Promise<Asked<MembersResponse>>[],
  knownEpoch: bigint,
): Promise<MembersAnswer> {
  return new Promise((resolve, reject) => {
    let best: MembersAnswer | undefined;
    const failures: string[] = [];
    let open = asking.length;
    const onAsked = (asked: Asked<MembersResponse>): void => {
      open--;
      if ("error" in asked) failures.push(`server ${asked.address}: ${asked.error.message}`);
      else {
        const answer = { address: asked.address, members: asked.answer };
        if (leadsItself(answer) && epochOf(answer) >= knownEpoch) return resolve(answer);
        if (best === undefined || isBetter(answer, best)) best = answer;
      }
      if (open > 0) return;
      if (best === undefined)
        reject(new RequestError("unavailable", `no server answers: ${failures.join("; ")}`));
      else resolve(best);
    };
    for (const one of asking) void one.then(onAsked);
  });
}

/** Whether the server that has answered leads. */
export function leadsItself({ members: { leaderId, nodeId } }: MembersAnswer): boolean {
  return leaderId === nodeId;
}

function epochOf({ members }: MembersAnswer): bigint {
  return members.epochRecord?.epoch ?? -1n;
}

function isBetter(one: MembersAnswer, other: MembersAnswer): boolean {
  if (epochOf(one) !== epochOf(other)) return epochOf(one) > epochOf(other);
  return other.members.leaderId === undefined && one.members.leaderId !== undefined;
}
