// A new cluster out of one survivor, after a majority was lost for good. Not part of the protocol: this breaks its promises, knowingly.
import { create } from "@bufbuild/protobuf";
import {
  EpochRecordSchema,
  PersistentStateSchema,
  StoredRunSchema,
  type EpochRecord,
  type PersistentState,
} from "@paxos/proto";
import { ConfigError } from "./errors.js";
import { History } from "./history.js";
import { majorities, Membership } from "./membership.js";
import type { Save, StoredState } from "./ports.js";
import { restoreRuns } from "./restore.js";
import { Saves } from "./save-history.js";
import { encodeStopSign, readStopSign } from "./stop-sign.js";
import { toWire } from "./wire.js";

/** What the new cluster begins with, and what is known of how that came about. */
export interface Recovery {
  readonly nodeId: number;
  /** Where the node is reached: as before. */
  readonly address: string;
  /** The last epoch of the old cluster that the node has entered. */
  readonly before: EpochRecord;
  /** Everything up to here was known as ordered. */
  readonly orderedUpTo: number;
  /**
   * The last seq that the new cluster takes over. What lies above `orderedUpTo` was accepted here: it may have been ordered, and
   * acknowledged, without this node's knowing, or may not.
   */
  readonly keptUpTo: number;
  /** Whether a membership change was accepted here, not known as ordered: it is dropped, and with it whatever its epoch has ordered. */
  readonly dropsChange: boolean;
  /** The new membership: this node alone. */
  readonly epochRecord: EpochRecord;
  /** Makes all of it durable at once. */
  readonly save: Save;
}

/**
 * Makes one node a cluster of its own, with all that its storage holds. Whatever the old cluster has ordered and this node has not
 * accepted is lost. In the log the recovery is a stop sign like any other, so that nodes which join later find it in its place.
 *
 * @param clusterId of the new cluster: 16 random bytes, by which the members of the old one are refused.
 * @param incarnation tells the process from all others that have had this storage: see {@link Config.incarnation}.
 * @throws ConfigError when the storage has never been a member's.
 */
export function recoverAlone(
  stored: StoredState,
  { clusterId, incarnation }: { readonly clusterId: Uint8Array; readonly incarnation: bigint },
): Recovery {
  const { state } = stored;
  const recorded = state?.epochRecord;
  if (state === undefined || recorded === undefined)
    throw new ConfigError("the storage is new: it holds nothing that a cluster could begin with");
  const received = receivedSnapshot(stored);
  const later = received?.epochRecord;
  const isLater = later !== undefined && later.epoch > recorded.epoch;
  const last = isLater ? later : recorded;
  const orderedUpTo = Number(received?.seq ?? state.localAru);
  // What was accepted in an epoch that has ended since counts no more (safety rule 7).
  const accepted = isLater ? [] : acceptedAbove(orderedUpTo, stored, new Membership(recorded));
  const change = accepted.findIndex((update) => readStopSign(update) !== undefined);
  const keptUpTo = orderedUpTo + (change === -1 ? accepted.length : change);
  const nodeId = Number(state.nodeId);
  const address = new Membership(last).addressOf(nodeId) ?? state.address;
  const epochRecord = create(EpochRecordSchema, {
    formatVersion: last.formatVersion,
    epoch: last.epoch + 1n,
    nextNodeId: last.nextNodeId,
    voters: [{ nodeId: state.nodeId, address, storeId: stored.storeId }],
    learners: [],
    ...majorities(1),
    base: clusterId,
    commandVersion: last.commandVersion,
    firstView: 1n,
    beginsAfter: toWire(keptUpTo + 1),
  });
  return {
    nodeId,
    address,
    before: last,
    orderedUpTo,
    keptUpTo,
    dropsChange: change !== -1,
    epochRecord,
    save: {
      number: Number(state.saveNumber) + 1,
      state: nextState(state, { epochRecord, address, clusterId, incarnation }),
      runs: [stopSignRun(state.nodeId, keptUpTo + 1, last.epoch, epochRecord)],
      ...(received && { install: received }),
      messages: [],
    },
  };
}

/** A snapshot that has come in full, and that a crash has kept from being installed. */
function receivedSnapshot({ state, incoming }: StoredState) {
  if (incoming === undefined || incoming.next < incoming.snapshot.chunks) return undefined;
  return incoming.snapshot.seq > (state?.localAru ?? 0n) ? incoming.snapshot : undefined;
}

/** What was accepted behind the ARU, up to the first gap. */
function acceptedAbove(aru: number, stored: StoredState, membership: Membership): readonly Uint8Array[] {
  const unbounded = { updates: Infinity, bytes: Infinity };
  const history = new History(0, aru, unbounded);
  history.restore(restoreRuns(membership, stored));
  const updates: Uint8Array[] = [];
  for (const { seq, update } of history.acceptedAbove(aru)) {
    if (seq !== aru + updates.length + 1) break;
    updates.push(update);
  }
  return updates;
}

interface NewCluster {
  readonly epochRecord: EpochRecord;
  readonly address: string;
  readonly clusterId: Uint8Array;
  readonly incarnation: bigint;
}

function nextState(
  state: PersistentState,
  { epochRecord, address, clusterId, incarnation }: NewCluster,
): PersistentState {
  const saved = Number(state.saveNumber);
  return create(PersistentStateSchema, {
    formatVersion: state.formatVersion,
    nodeId: state.nodeId,
    nodeCount: 1n,
    lastInstalled: epochRecord.firstView,
    saveNumber: toWire(saved + 1),
    promisedView: epochRecord.firstView,
    localAru: epochRecord.beginsAfter,
    epochRecord,
    saveHistory: new Saves(state.saveHistory, incarnation, saved).upTo(saved + 1),
    clusterId,
    address,
  });
}

/** Marked as ordered, it counts whatever was accepted at that seq. */
function stopSignRun(nodeId: bigint, seq: number, epoch: bigint, next: EpochRecord) {
  const proposal = { nodeId, seq: toWire(seq), updates: [encodeStopSign(next)] };
  return create(StoredRunSchema, { formatVersion: 1, epoch, ordered: true, proposal });
}
