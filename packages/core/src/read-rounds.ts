// How a leader knows that it still leads (safety rule 9): it asks the voters, for all reads at once that have come meanwhile.
import type { ConfirmView, ReadIndexRequest, ViewConfirmed } from "@paxos/proto";
import { ignore } from "./ignored.js";
import { grant, holdsLease, leaseWanted, noteGrant } from "./lease.js";
import type { Peer } from "./peers.js";
import type { ReadQuestion } from "./read-queue.js";
import type { State } from "./state.js";
import { reachedByQuorum } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/** The most rounds whose beginnings are remembered. */
const maxBegun = 128;

/** The most rounds that are under way. What comes meanwhile shares the next one. */
const maxRounds = 64;

/** This node, which leads, has reads of its own. */
export function askHere(s: State, number: number): void {
  const { nodeId, incarnation } = s.settings;
  s.readQuestions.set(nodeId, { incarnation, number });
}

/** A peer believes that this node leads. If it does not, the peer will learn, and ask another one. */
export function onReadIndexRequest(s: State, from: Peer, message: ReadIndexRequest): void {
  if (s.role !== "leader" && s.role !== "preparing") {
    return ignore(s, "not_leading", `read of node ${from.nodeId} at a node that does not lead`);
  }
  const { incarnation } = message;
  const number = fromWire(message.number, "number");
  const known = s.readQuestions.get(from.nodeId);
  if (known?.incarnation === incarnation && known.number >= number) return;
  s.readQuestions.set(from.nodeId, { incarnation, number });
}

/**
 * Before anything is proposed in this turn: a round for all questions that have come since the last one began. Safety rule 9: they
 * wait for everything proposed, which others may know as ordered before this node does, and for the values that the view began with.
 */
export function startReadRound(s: State, nowMs: number | undefined): void {
  const { leading, readQuestions: questions } = s;
  if (s.role === "preparing") return;
  if (leading === undefined) return questions.clear();
  const renews = leading.reads.renew && nowMs !== undefined && leaseWanted(s) > 0;
  if (questions.size === 0 && !renews) return;
  // Safety rule 9: once a stop sign is proposed, the next epoch may go on without this node. The questions wait for that.
  if (leading.ending !== undefined || leading.reads.underWay.length >= maxRounds) return;
  const seq = leading.nextSeq - 1 + leading.first.length;
  if (holdsLease(s, nowMs)) {
    for (const [nodeId, question] of questions) answer(s, nodeId, question, seq);
    questions.clear();
    if (!renews) return;
  }
  leading.reads.renew = false;
  const round = ++leading.reads.last;
  if (nowMs !== undefined && leaseWanted(s) > 0) {
    leading.reads.begun.push({ round, atMs: nowMs });
    if (leading.reads.begun.length > maxBegun) leading.reads.begun.shift();
  }
  leading.reads.underWay.push({ round, seq, questions: new Map(questions) });
  questions.clear();
  askVoters(s, round);
  endRounds(s);
}

/** Every heartbeat: what was asked or answered may be lost. */
export function repeatReadRound(s: State): void {
  const reads = s.leading?.reads;
  if (reads === undefined) return;
  reads.renew = true;
  if (reads.underWay.length > 0) askVoters(s, reads.last);
}

function askVoters(s: State, round: number): void {
  const value = {
    nodeId: toWire(s.settings.nodeId),
    view: toWire(s.view),
    round: toWire(round),
    leaseTicks: leaseWanted(s),
  };
  for (const peer of s.peers.values()) {
    if (peer.isVoter) s.outbox.send(peer.nodeId, { case: "confirmView", value });
  }
}

/** Whoever has promised a higher view may have helped to order something there. */
export function onConfirmView(s: State, from: Peer, message: ConfirmView): void {
  const view = fromWire(message.view, "view");
  if (s.membership.leaderOf(view) !== from.nodeId) {
    throw new PeerError(
      "not_leader",
      `node ${from.nodeId}, which does not lead view ${view}, wants it confirmed`,
    );
  }
  if (view < s.promised)
    return ignore(s, "stale_confirm", `view ${view} is not confirmed, promised ${s.promised}`);
  s.outbox.send(from.nodeId, {
    case: "viewConfirmed",
    value: {
      nodeId: toWire(s.settings.nodeId),
      view: message.view,
      round: message.round,
      leases: grant(s, view, message.leaseTicks),
    },
  });
}

/** A voter has promised no higher view. */
export function onViewConfirmed(s: State, from: Peer, message: ViewConfirmed): void {
  const { leading } = s;
  if (leading === undefined || fromWire(message.view, "view") !== s.view) return;
  const round = fromWire(message.round, "round");
  if (round > leading.reads.last)
    throw new PeerError("malformed", `round ${round} after ${leading.reads.last}`);
  const { confirmed } = leading.reads;
  confirmed.set(from.nodeId, Math.max(round, confirmed.get(from.nodeId) ?? 0));
  if (message.leases) noteGrant(s, from, round);
  endRounds(s);
}

/** Ends the rounds that an accept quorum has confirmed: every prepare quorum meets it, so no higher view had been led when they began. */
function endRounds(s: State): void {
  const { leading } = s;
  if (leading === undefined || leading.ending !== undefined) return;
  const { underWay, last, confirmed } = leading.reads;
  const ended = reachedByQuorum(s, last, ({ nodeId }) => confirmed.get(nodeId) ?? 0);
  for (let first = underWay.at(0); first !== undefined && first.round <= ended; first = underWay.at(0)) {
    for (const [nodeId, question] of first.questions) answer(s, nodeId, question, first.seq);
    underWay.shift();
  }
}

function answer(s: State, to: number, { incarnation, number }: ReadQuestion, seq: number): void {
  if (to === s.settings.nodeId) return s.reads.answer(number, seq);
  s.outbox.send(to, {
    case: "readIndexAnswer",
    value: { nodeId: toWire(s.settings.nodeId), incarnation, number: toWire(number), seq: toWire(seq) },
  });
}
