// The way of ordered updates to the state machine, and their replay from storage after a restart.
import { decodeClientUpdate, isPlainClientUpdate, type Snapshot } from "@paxos/proto";
import { invariant } from "./errors.js";
import type { OrderedRun } from "./history.js";
import { ignore } from "./ignored.js";
import { LazyUpdate } from "./lazy-update.js";
import type { OrderedUpdate, ReadRequest } from "./outbox.js";
import type { StoredUpdates } from "./ports.js";
import { readUpdate } from "./read-update.js";
import type { State } from "./state.js";
import { restartProgress } from "./view.js";

/** Whether the state machine and the disk keep up; if not, this node learns no further seqs for now. */
export function hasRoom(s: State): boolean {
  const { windowUpdates, windowBytes } = s.settings;
  const behind = s.history.aru - Math.max(s.applied, s.replayUpTo);
  return behind < 2 * windowUpdates && s.unappliedBytes < 2 * windowBytes && storageKeepsUp(s);
}

/** Whether less than two windows are queued for saving; if not, this node takes in nothing for now. */
export function storageKeepsUp(s: State): boolean {
  const { windowUpdates, windowBytes } = s.settings;
  const { updates, bytes } = s.outbox.backlog;
  return updates < 2 * windowUpdates && bytes < 2 * windowBytes;
}

/** Passes on what the ARU has just moved over (safety rule 6: in seq order, without gaps). */
export function deliver(s: State, run: OrderedRun): void {
  const { bytes } = run;
  s.unapplied.push({ end: run.seq + run.updates.length - 1, bytes });
  s.unappliedBytes += bytes;
  // For a node that waits for updates of its own, an advance is progress, and nothing else is.
  if (s.updates.own > 0 && s.role === "follower") restartProgress(s);
  if (!s.replaying && s.restoring === undefined) return handOut(s, run);
  s.undelivered.push(run);
  // It is handed out later, but it is ordered now.
  for (const bytes of run.updates) {
    const fields = readUpdate(bytes);
    if (fields !== undefined) s.updates.remove(fields.clientId, fields.timestamp);
  }
}

/** The state machine has applied everything up to `seq`. */
export function onApplied(s: State, seq: number): void {
  invariant(
    seq >= s.applied && seq <= s.delivered,
    `applied ${seq}, between ${s.applied} and ${s.delivered}`,
  );
  s.applied = seq;
  for (;;) {
    const piece = s.unapplied.at(0);
    if (piece === undefined || piece.end > seq) return;
    s.unappliedBytes -= piece.bytes;
    s.unapplied.shift();
  }
}

/** Asks storage for the next piece of what was ordered before the start, once the one before is applied. */
export function continueReplay(s: State): void {
  const self = s.settings.nodeId;
  if (!s.replaying || s.reading.has(self) || s.applied < s.delivered) return;
  s.reading.add(self);
  s.outbox.reads.push({
    to: undefined,
    from: s.delivered + 1,
    upTo: s.replayUpTo,
    maxBytes: s.settings.catchUpBytes,
  });
}

/** Takes what storage held. */
export function onReplayed(s: State, request: ReadRequest, stored: StoredUpdates): void {
  invariant(s.reading.delete(s.settings.nodeId), `seq ${request.from} is asked of storage for the replay`);
  // A snapshot has been installed since, which has all that and more.
  if (!s.replaying) return;
  const held = stored.updates.length > 0 && stored.seq === request.from;
  invariant(
    held,
    `seq ${request.from} is ordered but storage does not hold it (first held: ${stored.firstSeq})`,
  );
  handOut(s, stored);
  if (s.delivered < s.replayUpTo) return;
  s.replaying = false;
  handOutWaiting(s);
}

function handOutWaiting(s: State): void {
  for (const run of s.undelivered) handOut(s, run);
  s.undelivered.clear();
}

/** A snapshot is about to take the place of everything up to its seq. What comes behind it waits until it has been restored. */
export function deliverInstalled(s: State, snapshot: Snapshot): void {
  s.restoring = { snapshot, durable: false, asked: false };
  s.replaying = false;
  s.replayUpTo = Number(snapshot.seq);
  s.undelivered.clear();
  s.unapplied.clear();
  s.unappliedBytes = 0;
  if (s.role === "follower") restartProgress(s);
}

/** Has the state machine restored, once the snapshot is durable and everything handed out before has been applied. */
export function continueRestore(s: State): void {
  const { restoring } = s;
  if (restoring === undefined || !restoring.durable || restoring.asked || s.applied < s.delivered) return;
  restoring.asked = true;
  s.outbox.restore = restoring.snapshot;
}

/** The state machine has been given the snapshot last installed. */
export function onRestored(s: State, seq: number): void {
  const { restoring } = s;
  invariant(restoring?.asked === true && Number(restoring.snapshot.seq) === seq, `restored to seq ${seq}`);
  s.restoring = undefined;
  s.delivered = seq;
  s.applied = seq;
  handOutWaiting(s);
}

function handOut(s: State, run: Pick<OrderedRun, "seq" | "updates">): void {
  invariant(run.seq === s.delivered + 1, `seq ${run.seq} handed out after ${s.delivered}`);
  for (let i = 0; i < run.updates.length; i++) {
    const bytes = run.updates[i] as Uint8Array;
    const ordered = readOrNoop(s, run.seq + i, bytes);
    s.outbox.orderedUpdates.push(ordered);
    if (s.updates.size === 0 || s.updates.removeFirst(bytes) || ordered.noop) continue;
    s.updates.remove(ordered.clientId, ordered.timestamp);
  }
  s.delivered = run.seq + run.updates.length - 1;
}

/**
 * Bytes that are no update take their place as a no-op, on every node alike: they must not stop all nodes at
 * once.
 */
function readOrNoop(s: State, seq: number, bytes: Uint8Array): OrderedUpdate {
  // Nearly always: it is decoded by who applies it.
  if (isPlainClientUpdate(bytes)) return new LazyUpdate(seq, bytes);
  const known = readUpdate(bytes);
  if (known === undefined) ignore(s, "malformed_update", `${bytes.length} bytes at seq ${seq} are no update`);
  const fields = known ?? decodeClientUpdate(new Uint8Array());
  return { seq, noop: fields.clientId === 0n, ...fields };
}
