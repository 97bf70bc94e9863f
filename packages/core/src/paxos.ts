// The map: which message and which timer goes to which phase.
import type { Message } from "@paxos/proto";
import { onCatchUpAnswer, onCatchUpRequest, tickCatchUp } from "./catch-up.js";
import { forwardUpdates, onClientUpdate, onUpdateRefusal, resendUpdates } from "./client-update.js";
import { continueReplay, continueRestore } from "./delivery.js";
import { raiseCommandVersion } from "./command-version.js";
import { describeMessage } from "./describe.js";
import { onViewChange, onViewChangeProof, sendViewChange, startElection, tickElection } from "./election.js";
import { forgetStrangers, nothingDurable, onOtherEpoch } from "./epochs.js";
import { unreachable } from "./errors.js";
import { onHeartbeat, sendHeartbeats } from "./heartbeat.js";
import { ignore } from "./ignored.js";
import { advance, onAccept, onProposal, propose, resendProposals } from "./ordering.js";
import type { Durable } from "./outbox.js";
import type { Peer } from "./peers.js";
import { continuePrepare, onPrepare, onPrepareOK, resendPrepare } from "./prepare.js";
import {
  onConfirmView,
  onReadIndexRequest,
  onViewConfirmed,
  repeatReadRound,
  startReadRound,
} from "./read-rounds.js";
import { askForReads, onReadIndexAnswer, serveReads } from "./reads.js";
import { onInstalled, onSnapshotChunk, onSnapshotRequest, tickFetch } from "./snapshots.js";
import type { State } from "./state.js";
import { tickStorage } from "./storage-health.js";
import { checkStore, logStoresRecorded } from "./stores.js";
import { continueTransfer, onLeaderTransfer, preferLeader, tickTransfer } from "./transfer.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/** A message from a peer. Whatever makes no sense is ignored and counted. */
export function step(s: State, message: Message): void {
  try {
    const sender = fromWire(message.from, "sender");
    const from = s.peers.get(sender) ?? s.strangers.get(sender);
    if (from === undefined || message.to !== toWire(s.settings.nodeId)) {
      return ignore(s, "misdirected", `message for node ${message.to}: ${describeMessage(message)}`);
    }
    if (message.group !== 0n) return ignore(s, "wrong_group", `message of group ${message.group}`);
    if (!checkStore(s, from, message.storeId)) return;
    from.lastHeard = s.now;
    const epoch = fromWire(message.epoch, "epoch");
    const inEpoch = epoch === s.membership.epoch && s.peers.has(sender);
    if (inEpoch) from.heardInEpoch = s.now;
    else if (!aboutThePast.has(message.type.case)) return onOtherEpoch(s, from, epoch, message.type);
    if (s.storageFailed && !servedWithoutSaving.has(message.type.case)) {
      return ignore(s, "storage_failed", `${describeMessage(message)}: nothing can be promised`);
    }
    dispatch(s, from, message.type);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    ignore(s, error.reason, error.message);
  }
}

/** What a node whose storage has failed still does: it knows how the others stand, and lends them its past. */
const servedWithoutSaving: ReadonlySet<Message["type"]["case"]> = new Set([
  "heartbeat",
  "catchUpRequest",
  "snapshotRequest",
]);

/** What means the same in every epoch. */
const aboutThePast: ReadonlySet<Message["type"]["case"]> = new Set([
  "catchUpRequest",
  "catchUpAnswer",
  "snapshotRequest",
  "snapshotChunk",
]);

function dispatch(s: State, from: Peer, type: Message["type"]): void {
  switch (type.case) {
    case "viewChange":
      return onViewChange(s, from, type.value);
    case "viewChangeProof":
      return onViewChangeProof(s, from, type.value);
    case "heartbeat":
      return onHeartbeat(s, from, type.value);
    case "prepare":
      return onPrepare(s, from, type.value);
    case "prepareOk":
      return onPrepareOK(s, from, type.value);
    case "proposal":
      return onProposal(s, from, type.value);
    case "accept":
      return onAccept(s, from, type.value);
    case "clientUpdate":
      return onClientUpdate(s, from, type.value);
    case "updateRefusal":
      return onUpdateRefusal(s, from, type.value);
    case "catchUpRequest":
      return onCatchUpRequest(s, from, type.value);
    case "catchUpAnswer":
      return onCatchUpAnswer(s, from, type.value);
    case "leaderTransfer":
      return onLeaderTransfer(s, from, type.value);
    case "readIndexRequest":
      return onReadIndexRequest(s, from, type.value);
    case "readIndexAnswer":
      return onReadIndexAnswer(s, type.value);
    case "confirmView":
      return onConfirmView(s, from, type.value);
    case "viewConfirmed":
      return onViewConfirmed(s, from, type.value);
    case "snapshotRequest":
      return onSnapshotRequest(s, from, type.value);
    case "snapshotChunk":
      return onSnapshotChunk(s, from, type.value);
    case "globallyOrderedUpdate":
    case undefined:
      return ignore(s, "unexpected", `message of kind ${String(type.case)} between peers`);
    default:
      return unreachable(type);
  }
}

/** One tick has passed. */
export function tick(s: State): void {
  s.now++;
  const atHeartbeat = s.heartbeat.expired(s.now);
  tickStorage(s);
  if (atHeartbeat) {
    if (s.settings.logger.verbose) s.settings.logger.debug("timer: heartbeat");
    s.heartbeatWanted = true;
  }
  if (atHeartbeat) forgetStrangers(s);
  if (s.storageFailed) return;
  if (atHeartbeat) {
    if (s.role === "electing") sendViewChange(s);
    if (s.role === "preparing") resendPrepare(s);
    resendProposals(s);
    resendUpdates(s);
    repeatReadRound(s);
    tickTransfer(s);
    preferLeader(s);
    raiseCommandVersion(s);
    // What peers ask for is read from storage, up to the mark that is durable there.
    if (s.history.aru > s.durable.aru) s.outbox.saveWanted = true;
  }
  tickElection(s);
  tickCatchUp(s, atHeartbeat);
  tickFetch(s);
}

/** Before outputs are taken: whatever the inputs have made possible. */
export function settle(s: State, nowMs: number | undefined): void {
  if (!s.started) {
    s.started = true;
    startElection(s);
  }
  continuePrepare(s);
  askForReads(s);
  startReadRound(s, nowMs);
  propose(s);
  continueTransfer(s);
  forwardUpdates(s);
  continueReplay(s);
  continueRestore(s);
  serveReads(s);
  if (s.heartbeatWanted && !s.retired) sendHeartbeats(s);
}

/** A save is durable: so are the promises in it, this node's own acceptance among them. */
export function onSaved(s: State, makes: Durable): void {
  // What it promised in an epoch that has ended meanwhile is of no use any more.
  const ended = makes.epoch !== s.membership.epoch;
  s.durable = ended ? { ...makes, ...nothingDurable(s.membership.epoch) } : makes;
  for (const nodeId of makes.peerStores) {
    const peer = s.peers.get(nodeId);
    if (peer !== undefined) peer.storeDurable = true;
  }
  logStoresRecorded(s);
  if (makes.install !== undefined) onInstalled(s, makes.install);
  advance(s);
}
