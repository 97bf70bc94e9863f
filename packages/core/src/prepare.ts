// Phase 1: Prepare and PrepareOK.
import { create } from "@bufbuild/protobuf";
import {
  PrepareOKSchema,
  ProposalSchema,
  type EpochRecord,
  type Message,
  type Prepare,
  type PrepareOK,
} from "@paxos/proto";
import { askNext } from "./catch-up.js";
import { maxRunUpdates } from "./config.js";
import { Deque } from "./deque.js";
import { invariant } from "./errors.js";
import type { Acceptance } from "./history.js";
import { ignore } from "./ignored.js";
import type { Peer } from "./peers.js";
import { ReadRounds } from "./read-queue.js";
import { readUpdate } from "./read-update.js";
import type { State } from "./state.js";
import { noteSave, tellSave } from "./stores.js";
import { readStopSign } from "./stop-sign.js";
import { isLeasedToAnother } from "./lease.js";
import { follow, raisePromise, restartProgress, takesPart } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/** A prepare quorum attempts a view that this node leads: it asks what has been accepted in lower ones. */
export function startPrepare(s: State, handedOver = 0): void {
  const view = s.attempted;
  invariant(s.led === undefined || view > s.led, `view ${view} is led after ${s.led}`);
  raisePromise(s, view);
  s.led = view;
  s.view = view;
  s.role = "preparing";
  s.preparing = { view, answers: new Map(), isFirst: false, handedOver };
  restartProgress(s);
  // Safety rule 4: no message of this view leaves before "I lead" is durable.
  for (const peer of s.peers.values()) if (peer.isVoter) s.outbox.sendAfterSave(peer.nodeId, makePrepare(s));
}

/** Every heartbeat: asks those again who have not answered. */
export function resendPrepare(s: State): void {
  if (s.preparing === undefined || s.preparing.isFirst || s.durable.ledView !== s.preparing.view) return;
  for (const peer of s.peers.values()) {
    if (peer.isVoter && !s.preparing.answers.has(peer.nodeId)) s.outbox.send(peer.nodeId, makePrepare(s));
  }
}

function makePrepare(s: State) {
  return {
    case: "prepare" as const,
    value: {
      nodeId: toWire(s.settings.nodeId),
      view: toWire(s.view),
      localAru: toWire(s.history.aru),
      handedOver: toWire(s.preparing?.handedOver ?? 0),
    },
  };
}

/** The leader of a view asks. A Prepare above the promise is answered in every state. */
export function onPrepare(s: State, from: Peer, prepare: Prepare): void {
  const view = fromWire(prepare.view, "view");
  if (s.membership.leaderOf(view) !== from.nodeId) {
    throw new PeerError(
      "not_leader",
      `prepare of view ${view} from node ${from.nodeId}, which does not lead it`,
    );
  }
  if (!takesPart(s))
    return ignore(s, "not_in_epoch", `prepare of view ${view}: this node is not in the epoch yet`);
  if (view < s.promised) return ignore(s, "stale_prepare", `prepare of view ${view}, promised ${s.promised}`);
  if (view === s.promised) return answerPrepareAgain(s, from, prepare);
  // It comes again with the next heartbeat.
  if (isLeasedToAnother(s, from.nodeId, fromWire(prepare.handedOver, "view"))) return;
  raisePromise(s, view);
  follow(s, view);
  s.leaderHeard = s.now;
  // Only who is level can accept what comes next.
  s.catchUp.mark = Math.max(s.catchUp.mark, fromWire(prepare.localAru, "ARU"));
  // The ARU of this very message: one heard before may have been lost in a crash of the sender.
  const saveNumber = s.durable.saveNumber + (s.outbox.saving === undefined ? 1 : 2);
  const value = makePrepareOK(s, view, fromWire(prepare.localAru, "ARU"), saveNumber);
  s.prepareOK = { view, saveNumber, value };
  // Safety rule 2: fixed now, with all that was accepted, saves under way included, and released by the next
  // save.
  s.outbox.sendAfterSave(from.nodeId, { case: "prepareOk", value });
}

/** The promise was given before: the answer is the same, unless a restart has forgotten it. */
function answerPrepareAgain(s: State, from: Peer, prepare: Prepare): void {
  const { promised: view, durable } = s;
  if (s.prepareOK === undefined) {
    // Promised by accepting in it: its leader has what it needs.
    const above = s.history.acceptedAbove(s.history.aru);
    const accepted = s.history.accepted > 0 || above.some((acceptance) => acceptance.view === view);
    if (accepted || durable.promisedView < view) return;
    const { saveNumber } = durable;
    const value = makePrepareOK(s, view, fromWire(prepare.localAru, "ARU"), saveNumber);
    s.prepareOK = { view, saveNumber, value };
  }
  if (durable.saveNumber < s.prepareOK.saveNumber) return;
  s.outbox.send(from.nodeId, { case: "prepareOk", value: s.prepareOK.value });
}

function makePrepareOK(s: State, view: number, leaderAru: number, saveNumber: number): PrepareOK {
  return create(PrepareOKSchema, {
    nodeId: toWire(s.settings.nodeId),
    view: toWire(view),
    localAru: toWire(s.history.aru),
    ...tellSave(s, saveNumber),
    dataList: packAcceptances(s, s.history.acceptedAbove(leaderAru)),
  });
}

/** Neighbours of the same view travel in one Proposal. */
function packAcceptances(s: State, acceptances: readonly Acceptance[]): Message[] {
  const messages: Message[] = [];
  let updates: Uint8Array[] = [];
  acceptances.forEach((acceptance, i) => {
    updates.push(acceptance.update);
    const next = acceptances[i + 1];
    if (next?.view === acceptance.view && next.seq === acceptance.seq + 1 && updates.length < maxRunUpdates)
      return;
    const proposal = create(ProposalSchema, {
      nodeId: toWire(s.membership.leaderOf(acceptance.view)),
      view: toWire(acceptance.view),
      seq: toWire(acceptance.seq + 1 - updates.length),
      updates,
    });
    messages.push(s.outbox.wrap(s.membership.leaderOf(s.view), { case: "proposal", value: proposal }));
    updates = [];
  });
  return messages;
}

/** A voter's promise, and what it has accepted. */
export function onPrepareOK(s: State, from: Peer, message: PrepareOK): void {
  const { preparing } = s;
  if (preparing === undefined || fromWire(message.view, "view") !== preparing.view || !from.isVoter) return;
  const aru = fromWire(message.localAru, "ARU");
  const accepted: Acceptance[] = [];
  for (const { type } of message.dataList) {
    if (type.case !== "proposal")
      throw new PeerError("malformed", `prepare answer holds a ${String(type.case)}`);
    const view = fromWire(type.value.view, "view");
    const seq = fromWire(type.value.seq, "seq");
    if (view >= preparing.view)
      throw new PeerError("malformed", `prepare answer of view ${view} in ${preparing.view}`);
    // An acceptor has no holes (safety rule 3).
    if (seq > (accepted.at(-1)?.seq ?? Math.max(aru, s.history.aru)) + 1) {
      throw new PeerError(
        "malformed",
        `prepare answer of node ${from.nodeId} leaves a gap before seq ${seq}`,
      );
    }
    type.value.updates.forEach((update, i) => accepted.push({ seq: seq + i, view, update }));
  }
  from.aru = Math.max(from.aru, aru);
  noteSave(from, message);
  preparing.answers.set(from.nodeId, { aru, accepted });
}

/**
 * Leads, as soon as a prepare quorum has promised and everything is here that one of them knows as ordered.
 * Until then it asks for that.
 */
export function continuePrepare(s: State): void {
  const { preparing } = s;
  // Safety rule 2: this node's own promise counts once it is durable.
  if (preparing === undefined || s.durable.ledView !== preparing.view) return;
  const answers = [...preparing.answers]
    .filter(([nodeId]) => s.peers.get(nodeId)?.storeDurable === true)
    .map(([, answer]) => answer);
  // In the first view of an epoch nothing can have been accepted before (safety rule 7).
  if (preparing.isFirst) return lead(s, new Deque());
  if (answers.length + 1 < s.membership.prepareQuorum) return;
  const ordered = Math.max(s.history.aru, ...answers.map((answer) => answer.aru));
  if (s.history.aru < ordered) return askNext(s, ordered);
  lead(
    s,
    adopt(
      s,
      answers.flatMap((answer) => answer.accepted),
    ),
  );
}

/**
 * Safety rule 4: for each seq above what is ordered, the value of the highest view that anybody of the quorum
 * accepted.
 */
function adopt(s: State, reported: readonly Acceptance[]): Deque<Uint8Array> {
  const highest = new Map<number, Acceptance>();
  for (const acceptance of [...s.history.acceptedAbove(s.history.aru), ...reported]) {
    const known = highest.get(acceptance.seq);
    if (acceptance.seq > s.history.aru && (known === undefined || known.view < acceptance.view)) {
      highest.set(acceptance.seq, acceptance);
    }
  }
  const values = new Deque<Uint8Array>();
  for (let seq = s.history.aru + 1; values.length < highest.size; seq++) {
    const acceptance = highest.get(seq);
    invariant(
      acceptance !== undefined,
      `no value for seq ${seq} among ${highest.size} above ${s.history.aru}`,
    );
    values.push(acceptance.update);
    // Safety rule 7: nothing is proposed again behind a stop sign. What stands there is of lower views, and was not ordered:
    // whoever orders something behind a stop sign at this seq has another value here, of a higher view.
    if (readStopSign(acceptance.update) !== undefined) return values;
  }
  return values;
}

function lead(s: State, first: Deque<Uint8Array>): void {
  s.settings.logger.info(
    `leads view ${s.view} from seq ${s.history.aru + 1} on; ${first.length} values to propose again`,
  );
  s.role = "leader";
  s.preparing = undefined;
  s.attempts = 0;
  let ending: EpochRecord | undefined;
  for (const bytes of first) {
    markProposed(s, bytes);
    ending = readStopSign(bytes);
  }
  // A no-op of its own view: once that is ordered, so is everything before it.
  if (ending === undefined) first.push(new Uint8Array());
  s.leading = { nextSeq: s.history.aru + 1, first, ending, reads: new ReadRounds(), leaseVoid: false };
  s.catchUp.asked = undefined;
  s.fetch = undefined;
  s.preferred = undefined;
  for (const peer of s.peers.values()) peer.resend = { acknowledged: 0, wait: 1, waited: 0 };
  s.heartbeatWanted = true;
}

/** An update that is proposed again need not be proposed anew when its sender tries again. */
function markProposed(s: State, bytes: Uint8Array): void {
  const { clientId, timestamp } = readUpdate(bytes) ?? { clientId: 0n, timestamp: 0n };
  if (clientId === 0n) return;
  const pending =
    s.updates.get(clientId, timestamp) ?? s.updates.add({ clientId, timestamp, bytes, own: false });
  pending.stage = "proposed";
}
