// Leases: a leader that has one leads for sure, by the clock, and serves reads without asking. See {@link Config.leaseTicks} for what
// must hold.
//
// Why it does: a voter that has granted a lease answers no Prepare of another leader until it is over, so that as long as an accept
// quorum has, no other view can be prepared. The leader counts from before it asked, the voter from after it was asked; the leader's
// time is shorter by what clocks may differ.
import type { Peer } from "./peers.js";
import type { State } from "./state.js";
import { reachedByQuorum } from "./view.js";

/** Whether a voter grants what it is asked for; from then on it is bound. */
export function grant(s: State, view: number, ticks: number): boolean {
  const { leaseTicks } = s.settings;
  if (ticks === 0 || ticks > leaseTicks) return false;
  // To whom it was granted last is not known: it may be somebody else.
  if (s.lease?.view === undefined && isBound(s)) return false;
  s.lease = { view, until: s.now + leaseTicks + 1 };
  return true;
}

/** Whether a lease is not over yet. */
function isBound(s: State): boolean {
  return s.lease !== undefined && s.now < s.lease.until;
}

/**
 * Whether a view must not be promised now. To the lease's own leader it may be, which gives it up thereby; and to whom that leader has
 * handed over.
 */
export function isLeasedToAnother(s: State, leader: number, handedOver: number): boolean {
  if (!isBound(s)) return false;
  const view = s.lease?.view;
  if (view === undefined) return s.membership.voters.length > 1;
  return s.membership.leaderOf(view) !== leader && view !== handedOver;
}

/** The leader of a view leads no more, and says so itself. */
export function endLease(s: State, view: number): void {
  if (s.lease?.view === view) s.lease = undefined;
}

/** How long a leader relies on what it was granted, in milliseconds from before it asked: a tenth less, and two ticks. */
function reliedOnMs(s: State): number {
  const { leaseTicks, tickMs } = s.settings;
  return Math.floor(((leaseTicks - 2) * tickMs * 9) / 10);
}

/** What the leader asks voters for. */
export function leaseWanted(s: State): number {
  return s.leading?.leaseVoid === true ? 0 : s.settings.leaseTicks;
}

/** Whether the leader has a lease at this time: none once it has proposed a stop sign, or begun to hand over (safety rule 7). */
export function holdsLease(s: State, nowMs: number | undefined): boolean {
  const { leading } = s;
  if (leading === undefined || nowMs === undefined || s.settings.leaseTicks === 0) return false;
  if (leading.ending !== undefined || leading.leaseVoid) return false;
  return nowMs < leading.reads.leasedFromMs + reliedOnMs(s);
}

/** A voter has granted a lease with its answer to this round. */
export function noteGrant(s: State, from: Peer, round: number): void {
  const { leading } = s;
  if (leading === undefined || !from.isVoter || !from.storeDurable) return;
  const { reads } = leading;
  reads.granted.set(from.nodeId, Math.max(round, reads.granted.get(from.nodeId) ?? 0));
  const granted = reachedByQuorum(s, reads.last, ({ nodeId }) => reads.granted.get(nodeId) ?? 0);
  for (
    let first = reads.begun.at(0);
    first !== undefined && first.round <= granted;
    first = reads.begun.at(0)
  ) {
    reads.leasedFromMs = first.atMs;
    reads.begun.shift();
  }
}
