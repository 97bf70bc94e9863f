// Phase 2: Proposal and Accept; the window and the ARU.
import type { Accept, EpochRecord, Proposal } from "@paxos/proto";
import { maxRunUpdates } from "./config.js";
import { deliver, hasRoom, storageKeepsUp } from "./delivery.js";
import type { Run } from "./history.js";
import { ignore } from "./ignored.js";
import type { Durable } from "./outbox.js";
import type { Peer } from "./peers.js";
import type { State } from "./state.js";
import { enterEpoch } from "./epochs.js";
import { readStopSign } from "./stop-sign.js";
import { noteSave, tellSave } from "./stores.js";
import { findLeader, follow, raisePromise, reachedByQuorum } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/**
 * The leader packs values into runs while the window is open: first those to be proposed again, then new
 * ones.
 */
export function propose(s: State): void {
  const { windowUpdates, windowBytes, runUpdates, runBytes } = s.settings;
  while (s.leading !== undefined) {
    const updates: Uint8Array[] = [];
    let bytes = 0;
    const open = Math.min(runUpdates, windowUpdates - (s.leading.nextSeq - 1 - s.history.aru));
    const room = Math.min(runBytes, windowBytes - s.history.inFlightBytes);
    while (updates.length < open) {
      const again = s.leading.first.at(0);
      const closed = s.leading.ending !== undefined || s.transfer !== undefined;
      const update = again ?? (closed ? undefined : s.updates.peekWaiting()?.bytes);
      if (update === undefined) break;
      // One update always fits a run, and an empty window.
      const alone = updates.length === 0 && (room > 0 || s.history.inFlightBytes === 0);
      if (bytes + update.length > room && !alone) break;
      if (again !== undefined) s.leading.first.shift();
      else s.updates.takeWaiting("proposed");
      updates.push(update);
      bytes += update.length;
    }
    if (updates.length === 0) return;
    const seq = s.leading.nextSeq;
    s.leading.nextSeq += updates.length;
    proposeRun(s, seq, updates);
  }
}

function proposeRun(s: State, seq: number, updates: Uint8Array[]): void {
  const proposal: Proposal = {
    $typeName: "paxos.v1.Proposal",
    nodeId: toWire(s.settings.nodeId),
    view: toWire(s.view),
    seq: toWire(seq),
    updates,
  };
  const run = makeRun(proposal);
  s.history.receiveOwn(run);
  for (const peer of s.peers.keys()) s.outbox.send(peer, { case: "proposal", value: proposal });
  accept(s, [run]);
}

/** A proposal of the leader of its view. */
export function onProposal(s: State, from: Peer, proposal: Proposal): void {
  const run = makeRun(proposal);
  if (s.membership.leaderOf(run.view) !== from.nodeId) {
    throw new PeerError(
      "not_leader",
      `proposal of view ${run.view} from node ${from.nodeId}, which does not lead it`,
    );
  }
  if (run.stopSign !== undefined && Number(run.stopSign.epoch) !== s.membership.epoch + 1) {
    throw new PeerError(
      "malformed",
      `stop sign of epoch ${s.membership.epoch} that begins epoch ${run.stopSign.epoch}`,
    );
  }
  // Safety rule 1. The heartbeats tell the sender of the higher promise.
  if (run.view < s.promised)
    return ignore(s, "stale_proposal", `proposal of view ${run.view}, promised ${s.promised}`);
  if (run.view > s.promised) raisePromise(s, run.view);
  // A node that attempts a higher view goes on accepting in the one it promised.
  if (run.view > s.view && (s.role === "follower" || run.view >= s.attempted)) follow(s, run.view);
  if (run.view === s.view && s.role === "follower") findLeader(s);

  if (!storageKeepsUp(s))
    return ignore(s, "storage_behind", `proposal at seq ${run.seq}: storage does not keep up`);
  const receipt = s.history.receive(run);
  switch (receipt.kind) {
    case "accepted":
      return accept(s, receipt.runs);
    case "known":
      return answerAgain(s, from, run);
    case "early":
      return;
    case "beyond":
      return ignore(s, "beyond_window", `proposal at seq ${run.seq}, ARU ${s.history.aru}`);
  }
}

/** Accepts whatever had come early and is now without a gap, after the ARU has moved by catch-up. */
export function acceptEarly(s: State): void {
  const runs = s.history.acceptEarly();
  if (runs.length > 0) accept(s, runs);
}

// Safety rule 3: these runs follow without a gap what was accepted or ordered before; all of that is saved
// with or before them.
function accept(s: State, runs: readonly Run[]): void {
  for (const run of runs) {
    // What is ordered already is answered, not stored.
    if (run.end > s.history.aru) s.outbox.queueRun(run.proposal, run.bytes);
  }
  s.outbox.saveWanted = true;
  s.outbox.acceptWanted = true;
  advance(s);
}

/** A run that was accepted before comes again when the answer was lost, or has not left yet. */
function answerAgain(s: State, from: Peer, run: Run): void {
  if (s.durable.accepted.view !== run.view || s.durable.accepted.seq < run.end) return;
  s.outbox.send(from.nodeId, { case: "accept", value: makeAccept(s, s.durable) });
}

/** The answer that a save releases (safety rule 2: it speaks of what that save makes durable). */
export function makeAccept(
  s: State,
  { accepted, saveNumber }: Pick<Durable, "accepted" | "saveNumber">,
): Accept {
  return {
    $typeName: "paxos.v1.Accept",
    nodeId: toWire(s.settings.nodeId),
    view: toWire(accepted.view),
    seq: toWire(accepted.seq),
    localAru: toWire(s.history.aru),
    ...tellSave(s, saveNumber),
  };
}

/** Everything of a view up to a seq is durable at a peer. */
export function onAccept(s: State, from: Peer, accept: Accept): void {
  from.aru = Math.max(from.aru, fromWire(accept.localAru, "ARU"));
  noteSave(from, accept);
  countVote(s, from, fromWire(accept.view, "view"), fromWire(accept.seq, "seq"));
}

/** Counts a peer's vote. The highest view counts, and in it the highest seq. */
export function countVote(s: State, from: Peer, view: number, seq: number): void {
  const known = from.accepted;
  if (view < known.view || (view === known.view && seq <= known.seq)) return;
  from.accepted = { view, seq };
  if (view === s.promised) advance(s);
}

/**
 * Moves the ARU over what an accept quorum has accepted in the promised view, as far as the values are here.
 */
export function advance(s: State): void {
  const inView = ({ view, seq }: Peer["accepted"]) => (view === s.promised ? seq : 0);
  const accepted = reachedByQuorum(s, inView(s.durable.accepted), (peer) => inView(peer.accepted));
  const ordered = Math.min(accepted, s.history.accepted);
  if (ordered <= s.history.aru || !hasRoom(s)) return;
  for (const run of s.history.order(ordered)) {
    deliver(s, run);
    // Nothing was accepted behind it.
    if (run.stopSign !== undefined) return enterEpoch(s, run.stopSign);
  }
}

/**
 * Sends again what a peer has not acknowledged within a heartbeat, from where its answers say it stands: at
 * most a window, with back-off while nothing changes. What is ordered already it must fetch by catch-up.
 */
export function resendProposals(s: State): void {
  if (s.leading === undefined) return;
  for (const peer of s.peers.values()) {
    const acknowledged = peer.accepted.view === s.view ? peer.accepted.seq : 0;
    const { resend } = peer;
    const moved = acknowledged !== resend.acknowledged || acknowledged >= s.leading.nextSeq - 1;
    if (moved) {
      peer.resend = { acknowledged, wait: 1, waited: 0 };
      continue;
    }
    if (++resend.waited < resend.wait) continue;
    resend.waited = 0;
    resend.wait = Math.min(4, resend.wait * 2);
    let bytes = 0;
    for (const run of s.history.runsAbove(acknowledged)) {
      bytes += run.bytes;
      if (bytes > s.settings.windowBytes && bytes > run.bytes) break;
      s.outbox.send(peer.nodeId, { case: "proposal", value: run.proposal });
    }
  }
}

function makeRun(proposal: Proposal): Run {
  const { updates } = proposal;
  const seq = fromWire(proposal.seq, "seq");
  if (seq < 1 || updates.length < 1 || updates.length > maxRunUpdates) {
    throw new PeerError("malformed", `proposal of ${updates.length} updates at seq ${seq}`);
  }
  let bytes = 0;
  let stopSign: EpochRecord | undefined;
  for (const update of updates) {
    bytes += update.length;
    if (stopSign !== undefined)
      throw new PeerError("malformed", `proposal at seq ${seq} goes on behind a stop sign`);
    stopSign = readStopSign(update);
  }
  return {
    view: fromWire(proposal.view, "view"),
    seq,
    end: seq + updates.length - 1,
    updates,
    bytes,
    proposal,
    stopSign,
  };
}
