// Who leads, as far as the nodes themselves say.
import { Role, type StatusResponse } from "@paxos/proto";

import type { Cluster } from "./cluster.js";

export interface Leader {
  readonly nodeId: number;
  readonly view: number;
}

/** The leader of the highest view. A node that was cut off may still believe that it leads a lower one. */
export function leaderAmong(statuses: Iterable<StatusResponse | undefined>): Leader | undefined {
  let leader: Leader | undefined;
  for (const status of statuses) {
    if (status?.role !== Role.LEADER) continue;
    const view = Number(status.view);
    if (leader === undefined || view > leader.view) leader = { nodeId: Number(status.nodeId), view };
  }
  return leader;
}

/** Asks all nodes that run; the answers by node id, undefined for those that gave none. */
export async function allStatuses(
  cluster: Pick<Cluster, "members" | "status">,
  signal: AbortSignal,
): Promise<(StatusResponse | undefined)[]> {
  return Promise.all(
    cluster.members.map(async ({ nodeId, pid }) =>
      pid === undefined ? undefined : cluster.status(nodeId, signal),
    ),
  );
}
