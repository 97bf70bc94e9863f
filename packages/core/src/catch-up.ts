// Reconciliation: ordered updates that this node missed, fetched from a peer's storage; and the same served
// to others.
import { create } from "@bufbuild/protobuf";
import { ProposalSchema, type CatchUpAnswer, type CatchUpRequest, type EpochRecord } from "@paxos/proto";
import { maxRunUpdates } from "./config.js";
import { deliver, hasRoom } from "./delivery.js";
import { enterEpoch } from "./epochs.js";
import { ignore } from "./ignored.js";
import { sizeOf } from "./history.js";
import { acceptEarly, advance } from "./ordering.js";
import { startFetch } from "./snapshots.js";
import type { ReadRequest } from "./outbox.js";
import type { Peer } from "./peers.js";
import type { StoredUpdates } from "./ports.js";
import type { State } from "./state.js";
import { readStopSign } from "./stop-sign.js";
import { everybody, greatestAru, isUp } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/**
 * Every tick: gives up a question that got no answer. Every heartbeat: notices that this node is behind. A
 * little behind is usual, for the peers' answers are on their way; to be behind where a peer was a heartbeat
 * ago is not.
 */
export function tickCatchUp(s: State, atHeartbeat: boolean): void {
  const { asked, patience } = s.catchUp;
  if (asked !== undefined && s.now - asked.tick >= 3 * s.settings.heartbeatTicks * patience) {
    s.catchUp.asked = undefined;
    s.catchUp.changes++;
    s.catchUp.patience = Math.min(8, patience * 2);
  }
  // A leader that lacks something has been deposed or will hear of it by the next Accept.
  if (s.role !== "leader" && s.history.aru < s.catchUp.mark) askNext(s, s.catchUp.mark);
  if (atHeartbeat) s.catchUp.mark = greatestAru(s);
}

/** Asks for what is missing below `target`, unless a question is out already. */
export function askNext(s: State, target: number): void {
  if (s.catchUp.asked !== undefined || s.now < s.catchUp.notBefore || s.fetch !== undefined) return;
  if (s.history.aru >= target || !hasRoom(s)) return;
  const peer = choosePeer(s);
  if (peer === undefined) return;
  if (s.catchUp.since === undefined) {
    s.catchUp.since = s.history.aru;
    s.catchUp.quiet = s.catchUp.logged && target - s.history.aru < s.settings.windowUpdates;
    s.catchUp.logged = true;
    logLag(s, `behind: has everything up to seq ${s.history.aru} of ${target}, catching up`);
  }
  const seq = s.history.aru + 1;
  s.catchUp.asked = { seq, tick: s.now };
  peer.askedSeq = seq;
  s.outbox.send(peer.nodeId, {
    case: "catchUpRequest",
    value: {
      nodeId: toWire(s.settings.nodeId),
      seq: toWire(seq),
      maxBytes: toWire(s.settings.catchUpBytes),
    },
  });
}

/** The same peer until it fails to answer; those that do not lead come first, for they have less to do. */
function choosePeer(s: State): Peer | undefined {
  const leader = s.membership.leaderOf(s.view);
  const able = [...everybody(s)].filter((peer) => isUp(s, peer) && peer.aru > s.history.aru);
  const idle = able.filter((peer) => peer.nodeId !== leader);
  const order = [...idle, ...able.filter((peer) => peer.nodeId === leader)];
  return order[s.catchUp.changes % Math.max(1, order.length)];
}

/** A peer misses something. It is answered from storage, never from memory. */
export function onCatchUpRequest(s: State, from: Peer, request: CatchUpRequest): void {
  const seq = fromWire(request.seq, "seq");
  const maxBytes = Math.min(s.settings.catchUpBytes, fromWire(request.maxBytes, "max_bytes"));
  if (seq < 1) throw new PeerError("malformed", `catch-up from seq ${seq}`);
  from.needs = { seq, tick: s.now };
  if (seq > s.durable.aru) return answer(s, from.nodeId, { seq, updates: [], firstSeq: 1 });
  if (s.reading.has(from.nodeId)) return;
  s.reading.add(from.nodeId);
  s.outbox.reads.push({ to: from.nodeId, from: seq, upTo: s.durable.aru, maxBytes });
}

/** Storage has answered for a peer. */
export function onRead(s: State, to: number, request: ReadRequest, stored: StoredUpdates): void {
  s.reading.delete(to);
  answer(s, to, { ...stored, seq: request.from });
}

function answer(s: State, to: number, stored: StoredUpdates): void {
  s.outbox.send(to, {
    case: "catchUpAnswer",
    value: {
      nodeId: toWire(s.settings.nodeId),
      seq: toWire(stored.seq),
      updates: stored.updates as Uint8Array[],
      localAru: toWire(s.history.aru),
      firstSeq: toWire(stored.firstSeq),
    },
  });
}

/** Ordered updates from a peer's log. */
export function onCatchUpAnswer(s: State, from: Peer, message: CatchUpAnswer): void {
  const seq = fromWire(message.seq, "seq");
  // What is ordered stays so: an answer is welcome however late. But a leader goes by its votes alone.
  if (s.role === "leader" || from.askedSeq !== seq) {
    return ignore(s, "unasked_answer", `catch-up answer from node ${from.nodeId} at seq ${seq}`);
  }
  from.askedSeq = undefined;
  if (s.catchUp.asked?.seq === seq) s.catchUp.asked = undefined;
  from.aru = fromWire(message.localAru, "ARU");
  const firstSeq = fromWire(message.firstSeq, "first_seq");
  if (firstSeq > seq && firstSeq > s.history.aru + 1) return startFetch(s, from);
  if (message.updates.length === 0) {
    s.catchUp.changes++;
    s.catchUp.notBefore = s.now + 1;
    s.catchUp.mark = Math.min(s.catchUp.mark, s.history.aru);
  }
  if (message.updates.length > 0) {
    s.catchUp.patience = 1;
    learn(s, seq, message.updates);
  }
  if (s.history.aru < s.catchUp.mark && message.updates.length > 0) askNext(s, s.catchUp.mark);
  const { since } = s.catchUp;
  if (since === undefined || s.history.aru < s.catchUp.mark) return;
  s.catchUp.since = undefined;
  if (s.history.aru > since)
    logLag(s, `caught up: has everything up to seq ${s.history.aru}, fetched from ${since + 1} on`);
}

/**
 * An operator hears of a lag after a restart or the loss of a leader, and of large ones. Small ones are usual
 * for who hears few Accepts.
 */
function logLag(s: State, line: string): void {
  if (s.catchUp.quiet) s.settings.logger.debug(line);
  else s.settings.logger.info(line);
}

function learn(s: State, seq: number, updates: readonly Uint8Array[]): void {
  let from = 0;
  for (let i = 0; i < updates.length; i++) {
    const next = readStopSign(updates[i] as Uint8Array);
    // A node that has joined knows of stop signs before they reach it.
    if (next === undefined || Number(next.epoch) <= s.membership.epoch) continue;
    learnPiece(s, seq + from, updates.slice(from, i + 1), next);
    from = i + 1;
  }
  if (from < updates.length) learnPiece(s, seq + from, updates.slice(from), undefined);
  acceptEarly(s);
  advance(s);
}

/** Learns updates of one epoch as ordered, and enters the next one when they end with its stop sign. */
function learnPiece(
  s: State,
  seq: number,
  updates: readonly Uint8Array[],
  stopSign: EpochRecord | undefined,
): void {
  // The ARU may have moved past the question's seq meanwhile, never below it.
  const run = s.history.learn(seq, updates);
  if (run === undefined) return;
  for (let i = 0; i < run.updates.length; i += maxRunUpdates) {
    const piece = run.updates.slice(i, i + maxRunUpdates);
    const proposal = create(ProposalSchema, {
      nodeId: toWire(s.settings.nodeId),
      seq: toWire(run.seq + i),
      updates: piece,
    });
    s.outbox.queueRun(proposal, sizeOf(piece), true);
  }
  deliver(s, run);
  if (stopSign !== undefined) enterEpoch(s, stopSign);
}
