// Linearizable reads, at any node (safety rule 9): up to which seq must be applied before the state machine may be asked?
import type { ReadIndexAnswer } from "@paxos/proto";
import { isRemoved } from "./epochs.js";
import { ignore } from "./ignored.js";
import { askHere } from "./read-rounds.js";
import type { State } from "./state.js";
import { knownLeader } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/** What becomes of a read: it may be served once `ready` says so of its number; or this node serves none any more. */
export type ReadResult =
  | { readonly kind: "queued"; readonly number: number }
  | { readonly kind: "removed" | "storage_failed" };

/** A read was asked for. */
export function takeRead(s: State): ReadResult {
  if (s.storageFailed) return { kind: "storage_failed" };
  if (isRemoved(s)) return { kind: "removed" };
  s.reads.wanted = true;
  return { kind: "queued", number: s.reads.open };
}

/**
 * Asks the leader: once a turn for the reads that were asked for in it, and for all that are not served yet whenever the view is
 * another one, for what the last leader had proposed may never be ordered.
 */
export function askForReads(s: State): void {
  const { reads } = s;
  if (reads.wanted) {
    reads.wanted = false;
    reads.open++;
  }
  const number = reads.open - 1;
  if (number <= reads.served) return;
  const leader = knownLeader(s);
  if (leader === undefined) return;
  const { epoch } = s.membership;
  const { asked, answered } = reads;
  const again = asked === undefined || asked.epoch !== epoch || asked.view !== s.view;
  const late =
    asked !== undefined && answered < asked.number && s.now - asked.tick >= s.settings.heartbeatTicks;
  if (!again && !late && number <= asked.number) return;
  if (again) reads.answered = reads.served;
  reads.asked = { epoch, view: s.view, number, tick: s.now };
  if (leader === s.settings.nodeId) return askHere(s, number);
  s.outbox.send(leader, {
    case: "readIndexRequest",
    value: {
      nodeId: toWire(s.settings.nodeId),
      incarnation: s.settings.incarnation,
      number: toWire(number),
    },
  });
}

/** Of a leader, be it one of before: it led when the question was on its way. */
export function onReadIndexAnswer(s: State, message: ReadIndexAnswer): void {
  // Numbers begin anew with each process: what an earlier one was told is too old for this one.
  if (message.incarnation !== s.settings.incarnation) {
    return ignore(s, "stale_read_answer", `answer to read ${message.number} of an earlier process`);
  }
  const number = fromWire(message.number, "number");
  const { open } = s.reads;
  if (number >= open) throw new PeerError("malformed", `answer to read ${number}, the next is ${open}`);
  s.reads.answer(number, fromWire(message.seq, "seq"));
}

/** Has those served whose time has come. Not while the state is being replaced. */
export function serveReads(s: State): void {
  if (s.restoring !== undefined) return;
  s.outbox.readable = s.reads.take(s.applied) ?? s.outbox.readable;
}
