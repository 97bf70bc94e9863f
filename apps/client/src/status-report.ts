// What the servers' statuses, taken together, say about the cluster.
import type { ServerStatus } from "@paxos/client";
import { Role, StorageHealth, type StatusResponse } from "@paxos/proto";

import { ClusterView } from "./cluster-view.js";
import { printable } from "./output.js";
import { type ServerNames, whyNot } from "./server-names.js";

/** Behind by more than this is told: statuses are not all taken at the same moment, and updates go on meanwhile. */
const NOTABLE_LAG = 1_000;

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  [Role.UNSPECIFIED]: "unknown",
  [Role.LEADER]: "leader",
  [Role.FOLLOWER]: "follower",
  [Role.ELECTING]: "electing",
};

const HEALTH_NAMES: Readonly<Record<StorageHealth, string>> = {
  [StorageHealth.UNSPECIFIED]: "unknown",
  [StorageHealth.OK]: "ok",
  [StorageHealth.STUCK]: "stuck",
  [StorageHealth.FAILED]: "failed",
};

const NO_MEMBER = "is no member of the cluster: take it out of the hostfile";
const REMOVED = "was removed from the cluster: stop it, and take it out of the hostfile";

/** What one server says of itself. */
interface ServerFigures {
  readonly role: string;
  readonly epoch: number;
  readonly view: number;
  /** The id of the node that leads, as this server knows it. */
  readonly leader: number | undefined;
  readonly aru: number;
  /** By how much its ARU is lower than the highest of all servers. */
  readonly lag: number;
  readonly applied: number;
  /** Updates that wait for their place in the order. */
  readonly waiting: number;
  /** How many of its peers it hears, and how many it has. */
  readonly heard: number;
  readonly peers: number;
  /** The first seq of its log; undefined when it does not say. */
  readonly firstSeq: number | undefined;
  /** The last seq in its latest snapshot, and how large that is; undefined when there is none. */
  readonly snapshot: { readonly seq: number; readonly bytes: number } | undefined;
  /** The snapshot that it is being sent by a peer, and how many of its chunks have come. */
  readonly receiving:
    | { readonly seq: number; readonly received: number; readonly chunks: number }
    | undefined;
  /** How its storage does, and what is wrong with it. */
  readonly storage: string;
  readonly storageDetail: string;
  /** The newest version of the protocol between peers that it speaks; 1 when it does not say. */
  readonly protocolVersion: number;
  /** The newest version of the state machine's commands that it knows; 0: they have none. */
  readonly commandVersion: number;
  /** By name, those that are not 0. */
  readonly counters: Readonly<Record<string, number>>;
}

/** One server: of the hostfile, or a member of the cluster. */
export interface ServerReport {
  /** Undefined when it is none of the cluster's. */
  readonly id: number | undefined;
  readonly address: string;
  /** Absent when it did not answer. */
  readonly figures: ServerFigures | undefined;
  /** What is wrong, in words. */
  readonly problems: readonly string[];
}

export interface ClusterReport {
  readonly servers: readonly ServerReport[];
  /** Degraded: updates are ordered, but something is wrong. Down: they are not. */
  readonly verdict: "ok" | "degraded" | "down";
  readonly summary: string;
}

/** The leader that most servers follow. */
interface Leadership {
  readonly leader: number;
  readonly followers: number;
}

/** @param withinMs - How long the servers had to answer. */
export function reportOf(
  names: ServerNames,
  statuses: readonly ServerStatus[],
  withinMs: number,
): ClusterReport {
  const view = new ClusterView(names, statuses);
  const answers = statuses.flatMap((one) => ("status" in one ? [one.status] : []));
  const voters = view.servers.flatMap((one) =>
    "status" in one && view.isVoter(one.status) ? [one.status] : [],
  );
  const highest = answers.reduce((aru, { localAru }) => Math.max(aru, Number(localAru)), 0);
  const leadership = leadershipOf(voters);
  const servers = view.servers.map((one): ServerReport => {
    const { address } = one;
    const id = view.idOf(one);
    const stray = id === undefined && view.isTold ? [NO_MEMBER] : [];
    if ("error" in one)
      return {
        id,
        address,
        figures: undefined,
        problems: [`unreachable: ${whyNot(one.error, withinMs)}`, ...stray],
      };
    const figures = figuresOf(one.status, highest, view);
    const problems = one.status.removed
      ? [REMOVED]
      : problemsOf(one.status, figures, { id, leadership, view });
    return { id, address, figures, problems };
  });
  return { servers, ...verdictOf(view, servers, { leadership, reached: voters.length }) };
}

function figuresOf(status: StatusResponse, highestAru: number, view: ClusterView): ServerFigures {
  const aru = Number(status.localAru);
  const isLearner = view.isLearner(status) && status.role === Role.FOLLOWER;
  return {
    // A newer server may know roles that this client does not.
    role: status.removed ? "removed" : isLearner ? "learner" : (ROLE_NAMES[status.role] ?? "unknown"),
    epoch: Number(status.epoch),
    view: Number(status.view),
    leader: status.leaderId === undefined ? undefined : Number(status.leaderId),
    aru,
    lag: highestAru - aru,
    applied: Number(status.appliedSeq),
    waiting: Number(status.waitingUpdates),
    heard: status.peers.filter(({ heard }) => heard).length,
    peers: status.peers.length,
    ...storedBy(status),
    protocolVersion: Math.max(1, status.protocolVersion),
    commandVersion: status.commandVersion,
    counters: Object.fromEntries(
      status.counters.filter(({ count }) => count > 0n).map(({ name, count }) => [name, Number(count)]),
    ),
  };
}

function storedBy({
  firstSeq,
  snapshot,
  receiving,
  receivedChunks,
  storageHealth,
  storageDetail,
}: StatusResponse): Pick<ServerFigures, "firstSeq" | "snapshot" | "receiving" | "storage" | "storageDetail"> {
  return {
    // Older servers do not say.
    firstSeq: firstSeq === 0n ? undefined : Number(firstSeq),
    snapshot: snapshot && { seq: Number(snapshot.seq), bytes: Number(snapshot.bytes) },
    receiving: receiving && {
      seq: Number(receiving.seq),
      received: receivedChunks,
      chunks: receiving.chunks,
    },
    storage: HEALTH_NAMES[storageHealth] ?? "unknown",
    storageDetail: printable(storageDetail),
  };
}

/** Undefined when nobody follows anybody. */
function leadershipOf(answers: readonly StatusResponse[]): Leadership | undefined {
  const followers = new Map<number, number>();
  for (const { leaderId } of answers) {
    if (leaderId === undefined) continue;
    followers.set(Number(leaderId), (followers.get(Number(leaderId)) ?? 0) + 1);
  }
  const [first] = [...followers].toSorted(([, a], [, b]) => b - a);
  return first === undefined ? undefined : { leader: first[0], followers: first[1] };
}

function problemsOf(
  status: StatusResponse,
  figures: ServerFigures,
  cluster: {
    readonly id: number | undefined;
    readonly leadership: Leadership | undefined;
    readonly view: ClusterView;
  },
): string[] {
  const { leader, heard, peers, lag, aru, applied, receiving, epoch } = figures;
  const { id, leadership, view } = cluster;
  const problems: string[] = [];
  const nodeId = Number(status.nodeId);
  if (status.storageHealth > StorageHealth.OK)
    problems.push(`storage ${[figures.storage, figures.storageDetail].filter(Boolean).join(": ")}`);
  if (id === undefined) problems.push(NO_MEMBER);
  else if (nodeId !== id) problems.push(`says it is node ${nodeId}: check the hostfiles`);
  if (!view.isTold && peers + 1 !== view.voters)
    problems.push(`is one of ${peers + 1} servers, not of ${view.voters}: check the hostfiles`);
  if (view.isTold && epoch < view.epoch) problems.push(`is in epoch ${epoch}, others in ${view.epoch}`);
  if (heard < peers) problems.push(`hears ${heard} of ${peers} peers`);
  if (leader === undefined) problems.push("follows nobody");
  else if (leadership !== undefined && leader !== leadership.leader)
    problems.push(`follows node ${leader}, others node ${leadership.leader}`);
  if (receiving !== undefined)
    problems.push(`receives a snapshot: ${receiving.received} of ${receiving.chunks} chunks`);
  if (lag > NOTABLE_LAG) problems.push(`${grouped(lag)} behind`);
  if (aru - applied > NOTABLE_LAG) problems.push(`${grouped(aru - applied)} ordered, but not applied yet`);
  if (!status.storesRecorded) problems.push("stores not recorded yet");
  return problems;
}

function verdictOf(
  view: ClusterView,
  servers: readonly ServerReport[],
  { leadership, reached }: { readonly leadership: Leadership | undefined; readonly reached: number },
): Pick<ClusterReport, "verdict" | "summary"> {
  const { voters, quorum } = view;
  const down = (why: string) => ({ verdict: "down" as const, summary: `down: ${why}` });
  if (reached < quorum)
    return down(
      `no quorum of servers is reachable (${reached} of ${voters}; it takes ${quorum}): check that they run, and speak this --transport`,
    );
  if (leadership === undefined) return down("no leader");
  const { leader, followers } = leadership;
  if (followers < quorum) return down(`no leader that a quorum follows (${quorum} of ${voters})`);
  const address = view.addressOf(leader) ?? "not in the hostfile";
  const agreement = `leader is server ${leader} (${address}), ${followers} of ${voters} servers agree`;
  const verdict = servers.every(({ problems }) => problems.length === 0) ? "ok" : "degraded";
  return { verdict, summary: `${verdict}: ${agreement}` };
}

/** A number with commas. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
