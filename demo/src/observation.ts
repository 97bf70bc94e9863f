// How each node stands, and what it has ordered last.
import { Role, type StatusResponse } from "@paxos/proto";

import type { Cluster, Member } from "./cluster.js";
import type { LogEntry } from "./log-entry.js";

export interface Observation extends Member {
  /** Undefined when the node is down or does not answer. */
  readonly status: StatusResponse | undefined;
  /** The last updates that it has executed, oldest first. */
  readonly last: readonly LogEntry[];
}

/** How far back the last updates are looked for: no-ops and duplicates lie between them. */
const LOOK_BACK = 12;

/** Asks all nodes. */
export async function observe(
  cluster: Pick<Cluster, "members" | "status" | "log">,
  signal: AbortSignal,
): Promise<Observation[]> {
  return Promise.all(
    cluster.members.map(async (member) => {
      const status = member.pid === undefined ? undefined : await cluster.status(member.nodeId, signal);
      if (status === undefined) return { ...member, status, last: [] };
      return { ...member, status, last: await lastEntries(cluster, member.nodeId, status, signal) };
    }),
  );
}

async function lastEntries(
  cluster: Pick<Cluster, "log">,
  nodeId: number,
  { localAru }: StatusResponse,
  signal: AbortSignal,
): Promise<LogEntry[]> {
  try {
    const entries = await cluster.log(nodeId, Number(localAru) - LOOK_BACK + 1, signal);
    return entries.filter(({ duplicate }) => !duplicate);
  } catch {
    // It has died in this very moment.
    signal.throwIfAborted();
    return [];
  }
}

/** What the node does, in a word. */
export function describeRole({ pid, status }: Observation): string {
  if (pid === undefined) return "down";
  switch (status?.role) {
    case Role.LEADER:
      return "leader";
    case Role.FOLLOWER:
      return "follower";
    case Role.ELECTING:
      return "electing";
    case Role.UNSPECIFIED:
    case undefined:
      return "silent";
  }
}
