import type { Snapshot } from "@paxos/proto";
import { isRemoved } from "./epochs.js";
import type { IncomingSnapshot } from "./ports.js";
import type { NodeRole, State } from "./state.js";
import { storageHealth, type StorageHealth } from "./storage-health.js";
import { storesRecorded } from "./stores.js";
import { isUp, knownLeader } from "./view.js";

/** How a node stands. */
export interface NodeStatus {
  readonly nodeId: number;
  readonly role: NodeRole;
  readonly epoch: number;
  /** The view installed; while electing, the view attempted. */
  readonly view: number;
  /** The view's leader, once heard. */
  readonly leader: number | undefined;
  /** Every seq up to here is known as ordered. */
  readonly aru: number;
  /** Every seq up to here is marked as ordered in storage, and may be read from it. */
  readonly durableAru: number;
  /** Every seq up to here has been applied. */
  readonly applied: number;
  /** The view below which this node accepts nothing. */
  readonly promised: number;
  /** Updates on their way to their place in the order. */
  readonly waitingUpdates: number;
  readonly storeId: bigint;
  /** The latest snapshot that storage holds; undefined when there is none. */
  readonly snapshot: Snapshot | undefined;
  /** What has been received of a peer's snapshot, while one is being fetched. */
  readonly receiving: IncomingSnapshot | undefined;
  readonly storageHealth: StorageHealth;
  /** Whether the store ids of all voters are on record at all of them (safety rule 8). */
  readonly storesRecorded: boolean;
  /** Whether this node was removed from the cluster; retired, when nobody needs what it holds any more. */
  readonly removed: boolean;
  readonly retired: boolean;
  readonly peers: readonly { readonly nodeId: number; readonly heard: boolean; readonly aru: number }[];
  /** How often input was ignored, by reason. */
  readonly counters: Readonly<Record<string, number>>;
}

export function statusOf(s: State): NodeStatus {
  return {
    nodeId: s.settings.nodeId,
    role: s.role,
    epoch: s.membership.epoch,
    view: s.role === "electing" ? s.attempted : s.view,
    leader: knownLeader(s),
    aru: s.history.aru,
    durableAru: s.durable.aru,
    applied: s.applied,
    promised: s.promised,
    waitingUpdates: s.updates.size,
    snapshot: s.held.at(-1)?.snapshot,
    receiving: s.fetch === undefined ? undefined : s.incoming,
    storageHealth: storageHealth(s),
    storeId: s.storeId,
    storesRecorded: storesRecorded(s),
    removed: isRemoved(s),
    retired: s.retired,
    peers: [...s.peers.values()].map((peer) => ({
      nodeId: peer.nodeId,
      heard: isUp(s, peer),
      aru: peer.aru,
    })),
    counters: Object.fromEntries(s.counters),
  };
}
