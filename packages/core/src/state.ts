import type { EpochRecord, PrepareOK, Snapshot } from "@paxos/proto";
import type { Settings } from "./config.js";
import { Deque } from "./deque.js";
import { History, type Acceptance, type OrderedRun } from "./history.js";
import type { Held } from "./held-snapshots.js";
import { Outbox, type Durable } from "./outbox.js";
import type { Membership } from "./membership.js";
import { makePeers, type Peer } from "./peers.js";
import type { IncomingSnapshot, StoredState } from "./ports.js";
import { Random } from "./random.js";
import {
  leaseAfterRestart,
  ReadQueue,
  type Lease,
  type ReadQuestion,
  type ReadRounds,
} from "./read-queue.js";
import { restoreDurable, restorePeers, restoreRuns, restoreSnapshots } from "./restore.js";
import { Saves } from "./save-history.js";
import { Timer } from "./timer.js";
import { UpdateQueue, type PendingUpdate } from "./update-queue.js";

/** Kirsch and Amir's LEADER_ELECTION, REG_LEADER (in two steps: first it prepares) and REG_NONLEADER. */
export type NodeRole = "electing" | "preparing" | "leader" | "follower";

/** What a voter answered to this node's Prepare. */
interface PrepareAnswer {
  readonly aru: number;
  readonly accepted: readonly Acceptance[];
}

/** All of a node's state. Handlers are functions on it. */
export interface State {
  // Fixed at the start.
  readonly settings: Settings;
  readonly storeId: bigint;
  readonly random: Random;

  /** Whether anybody has asked what to do yet: before, the node does nothing of its own. */
  started: boolean;
  /** Ticks since the start. */
  now: number;

  // The epoch.
  membership: Membership;
  /** Where this node is reached, or was when it was a member last. */
  address: string;
  /** All other members. */
  peers: ReadonlyMap<number, Peer>;
  /** Members of later epochs that were met, and those who have left and may not know. For catching up, either way. */
  readonly strangers: Map<number, Peer>;
  /** This node has left the cluster, and nobody needs it any more. */
  retired: boolean;

  // The view.
  role: NodeRole;
  /** The view last installed: known to have been attempted by a prepare quorum. */
  view: number;
  /** The view being attempted; `view` when none is. */
  attempted: number;
  /** Safety rule 1: nothing below is accepted or answered. Durable once its save is. */
  promised: number;
  /** The highest view this node has led (safety rule 4). Durable once its save is. */
  led: number | undefined;
  /** What is durable of all that. */
  durable: Durable;
  readonly saves: Saves;

  // Election.
  /**
   * The tick at which the leader of `view` was last heard itself; undefined when never, or when it said it
   * leads no more.
   */
  leaderHeard: number | undefined;
  /** Whether it was heard to lead, and not only to prepare. */
  leaderLeads: boolean;
  /** Follower: time without progress. Electing and preparing: time of the attempt. */
  readonly progress: Timer;
  readonly heartbeat: Timer;
  /** Whether a heartbeat is to leave before the timer expires: what it says has changed. */
  heartbeatWanted: boolean;
  /** The tick of the last attempt at a view. */
  attemptedAt: number;
  /** The tick at which the installed view was last taken over on a peer's word; undefined when never. */
  takenOverAt: number | undefined;
  /** How many views were attempted since a leader was last heard, with a quorum within hearing. */
  attempts: number;

  /** The phase 1 under way. That of an epoch's first view needs no answers: nothing can have been accepted before. */
  preparing:
    | {
        readonly view: number;
        readonly answers: Map<number, PrepareAnswer>;
        readonly isFirst: boolean;
        readonly handedOver: number;
      }
    | undefined;
  /** The answer to the Prepare of `promised`, the same whenever it is given. */
  prepareOK: { readonly view: number; readonly saveNumber: number; readonly value: PrepareOK } | undefined;

  /**
   * Leading: the next seq, the values to be proposed before any waiting update, and what the last of these or of those proposed
   * says, if it is a stop sign: then nothing follows (safety rule 7).
   */
  leading:
    | {
        nextSeq: number;
        readonly first: Deque<Uint8Array>;
        ending: EpochRecord | undefined;
        readonly reads: ReadRounds;
        /** Whether this leader uses no lease any more: it has handed over, perhaps. */
        leaseVoid: boolean;
      }
    | undefined;

  /** The hand-over under way: to whom, in which view, since which tick; whether it has been told. */
  transfer: { readonly to: number; readonly view: number; readonly since: number; told: boolean } | undefined;
  /** The voter that is preferred to this leader, and the tick since which it could lead. */
  preferred: { readonly nodeId: number; since: number } | undefined;

  // Ordering.
  readonly history: History;
  readonly updates: UpdateQueue;
  /** The oldest forwarded update, and how many heartbeats it waits before it is sent again. */
  resend: { readonly oldest: PendingUpdate | undefined; wait: number; waited: number; refused: boolean };

  // Reads.
  readonly reads: ReadQueue;
  /** The leader's: the nodes that wait for the next round, this one too. */
  readonly readQuestions: Map<number, ReadQuestion>;
  /** What this node has granted as a voter. */
  lease: Lease | undefined;

  // Delivery to the state machine.
  /** The last seq handed out for application. */
  delivered: number;
  /** The last seq reported as applied. */
  applied: number;
  /** Everything up to here is in storage: read back from there after a start, or in the snapshot last installed. */
  replayUpTo: number;
  replaying: boolean;
  /** The snapshot last installed, until the state machine has been given it. */
  restoring: { readonly snapshot: Snapshot; durable: boolean; asked: boolean } | undefined;
  /** Ordered meanwhile, waiting for the replay or the restoring to end. */
  readonly undelivered: Deque<OrderedRun>;
  /** Handed out or waiting, not applied yet: the last seq and size of each piece. */
  readonly unapplied: Deque<{ readonly end: number; readonly bytes: number }>;
  unappliedBytes: number;

  // Catch-up.
  catchUp: {
    /** The greatest ARU of a peer a heartbeat ago: to be behind that is to be behind. */
    mark: number;
    /** The question out, if any. */
    asked: { readonly seq: number; readonly tick: number } | undefined;
    /** Where this catching-up began, for the log; undefined when not behind. */
    since: number | undefined;
    /** How often the peer was changed because no answer came, or an empty one. */
    changes: number;
    /** Doubles, up to 8, with each question that got no answer in time. */
    patience: number;
    /** No question before this tick: the last answer was empty. */
    notBefore: number;
    /** Whether the log has told of a lag since the leader was last lost. */
    logged: boolean;
    /** Whether the present lag is too usual for the log. */
    quiet: boolean;
  };

  // Snapshots.
  /** Those that storage holds, the latest last. */
  held: Held[];
  /** What storage has received of a peer's snapshot. */
  incoming: IncomingSnapshot | undefined;
  /** The fetching under way. */
  fetch:
    | {
        readonly from: number;
        /** The tick of the question that is out. */
        asked: number | undefined;
        /** Questions without an answer of use, one after the other. */
        tries: number;
      }
    | undefined;

  /** Whether a chunk is on its way to storage. */
  storingChunk: boolean;

  // What peers asked of storage: at most one question each.
  readonly reading: Set<number>;
  readonly readingChunk: Set<number>;

  // Storage.
  /** Whether it has failed: nothing is saved, promised or led any more. */
  storageFailed: boolean;
  /** Whether the log has told that a save takes too long. */
  stuckLogged: boolean;

  readonly outbox: Outbox;
  readonly counters: Map<string, number>;
  /** The tick at which each kind of ignored input was last logged. */
  readonly lastLogged: Map<string, number>;
  storesLogged: boolean;
}

/** The state of a node at its start, fresh or restarted. */
export function makeState(settings: Settings, membership: Membership, stored: StoredState): State {
  const { nodeId, windowUpdates, windowBytes, seed } = settings;
  const bounds = { updates: 2 * windowUpdates, bytes: 2 * windowBytes };
  const durable = restoreDurable(settings, membership, stored);
  const { aru, ledView: led } = durable;
  // A view below the first one of an epoch does not exist (safety rule 7).
  const promised = Math.max(durable.promisedView, membership.firstView);
  const view = Math.max(promised, Number(stored.state?.lastInstalled ?? 0n));
  const snapshots = restoreSnapshots(stored, aru);
  const start = Number(snapshots.at(-1)?.seq ?? 0n);
  const history = new History(promised, aru, bounds);
  history.restore(restoreRuns(membership, stored));
  return {
    settings,
    storeId: stored.storeId,
    random: new Random(seed),
    started: false,
    now: 0,
    membership,
    address: membership.addressOf(nodeId) ?? stored.state?.address ?? "",
    peers: restorePeers(makePeers(membership, nodeId), stored),
    strangers: new Map(),
    retired: false,
    role: "follower",
    view,
    attempted: view,
    promised,
    led,
    durable,
    saves: new Saves(stored.state?.saveHistory, settings.incarnation, durable.saveNumber),
    leaderHeard: undefined,
    leaderLeads: false,
    progress: new Timer(settings.progressTicks),
    heartbeat: new Timer(settings.heartbeatTicks),
    heartbeatWanted: true,
    attemptedAt: 0,
    takenOverAt: undefined,
    attempts: 0,
    preparing: undefined,
    prepareOK: undefined,
    leading: undefined,
    transfer: undefined,
    preferred: undefined,
    history,
    updates: new UpdateQueue(bounds.updates, bounds.bytes, seed),
    resend: { oldest: undefined, wait: 2, waited: 0, refused: false },
    reads: new ReadQueue(),
    readQuestions: new Map(),
    lease: leaseAfterRestart(settings.leaseTicks, stored.state === undefined),
    delivered: start,
    applied: start,
    replayUpTo: aru,
    replaying: aru > start,
    restoring: undefined,
    undelivered: new Deque(),
    unapplied: new Deque(),
    unappliedBytes: 0,
    catchUp: {
      mark: 0,
      asked: undefined,
      since: undefined,
      changes: 0,
      patience: 1,
      notBefore: 0,
      logged: false,
      quiet: false,
    },
    held: snapshots.map((snapshot) => ({ snapshot, asked: 0 })),
    incoming: stored.incoming,
    fetch: undefined,
    storingChunk: false,
    reading: new Set(),
    readingChunk: new Set(),
    storageFailed: false,
    stuckLogged: false,
    outbox: new Outbox({ from: nodeId, epoch: membership.epoch, storeId: stored.storeId }),
    counters: new Map(),
    lastLogged: new Map(),
    storesLogged: false,
  };
}
