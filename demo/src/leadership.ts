// Who leads, as far as the nodes themselves say.
import { Role, type StatusResponse } from "@paxos/proto";

import type { Cluster } from "./cluster.js";
import { DemoError } from "./demo-error.js";
import { until } from "./until.js";

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

/** Resolves with whether, within `ms`, there is a leader and all nodes that are up have ordered the same under it. */
export async function levelWithin(
  ms: number,
  cluster: Pick<Cluster, "members" | "status">,
  signal: AbortSignal,
): Promise<boolean> {
  const level = async (): Promise<boolean> => {
    const answers = (await allStatuses(cluster, signal)).filter((status) => status !== undefined);
    const leader = leaderAmong(answers);
    const follows = ({ leaderId, view }: StatusResponse): boolean =>
      Number(leaderId) === leader?.nodeId && Number(view) === leader.view;
    const [first] = answers;
    return answers.every((status) => follows(status) && status.localAru === first?.localAru);
  };
  try {
    await until("the nodes are level", level, { ms, signal });
    return true;
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    return false;
  }
}
