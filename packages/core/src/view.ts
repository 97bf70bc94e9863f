// Which view a node is in, whom it hears, and who would be fit to lead. Used by all phases.
import { invariant } from "./errors.js";
import type { Peer } from "./peers.js";
import type { State } from "./state.js";

/** Raises the promise (safety rule 1), to be made durable by the next save. */
export function raisePromise(s: State, view: number): void {
  invariant(view > s.promised, `promise raised from ${s.promised} to ${view}`);
  s.promised = view;
  s.history.startView(view);
  s.prepareOK = undefined;
  s.outbox.saveWanted = true;
}

/** Enters a view that another node leads. */
export function follow(s: State, view: number): void {
  invariant(s.membership.leaderOf(view) !== s.settings.nodeId, `node follows itself in view ${view}`);
  s.role = "follower";
  s.preparing = undefined;
  s.leading = undefined;
  if (view !== s.view) loseLeader(s);
  s.view = view;
  s.attempted = view;
  s.updates.restart();
  restartProgress(s);
}

/** The leader of the installed view counts as not heard. */
export function loseLeader(s: State): void {
  s.leaderHeard = undefined;
  s.leaderLeads = false;
  s.catchUp.logged = false;
}

/** Leads, prepares and attempts nothing any more, knows no leader, and says so at once. */
export function stepDown(s: State): void {
  s.role = "follower";
  s.attempted = s.view;
  s.preparing = undefined;
  s.leading = undefined;
  loseLeader(s);
  s.heartbeatWanted = true;
}

/** The leader of the installed view has been heard to lead it. */
export function findLeader(s: State): void {
  s.leaderHeard = s.now;
  if (s.leaderLeads) return;
  s.leaderLeads = true;
  s.settings.logger.info(`follows node ${s.membership.leaderOf(s.view)}, leader of view ${s.view}`);
}

/** Starts the progress timer anew, with seeded jitter, so that nodes do not attempt views in step. */
export function restartProgress(s: State): void {
  const { progressTicks, heartbeatTicks } = s.settings;
  // At least a heartbeat: when the first node's timer expires, the others have missed their leader for long
  // enough to join.
  const jitter = s.random.between(heartbeatTicks, Math.max(heartbeatTicks, progressTicks >> 1));
  const rotations = Math.floor(s.attempts / s.membership.voters.length);
  s.progress.restart(s.now, progressTicks * 2 ** Math.min(rotations, 3) + jitter);
}

/** The leader this node goes by: heard in person to lead, or itself. */
export function knownLeader(s: State): number | undefined {
  if (s.role === "leader") return s.settings.nodeId;
  if (s.role === "follower" && s.leaderLeads) return s.membership.leaderOf(s.view);
  return undefined;
}

/** Whether the leader of the installed view has been heard within the progress timeout. */
export function hearsLeader(s: State): boolean {
  if (s.role === "leader") return true;
  return s.leaderHeard !== undefined && s.now - s.leaderHeard < s.settings.progressTicks;
}

/** Whether a peer has been heard in this epoch within the progress timeout. */
export function hears(s: State, peer: Peer): boolean {
  return peer.heardInEpoch !== undefined && s.now - peer.heardInEpoch < s.settings.progressTicks;
}

/** Whether a node has been heard, in whichever epoch, within the progress timeout. */
export function isUp(s: State, peer: Peer): boolean {
  return peer.lastHeard !== undefined && s.now - peer.lastHeard < s.settings.progressTicks;
}

/** Whether this node holds everything that was ordered before its epoch: before, it takes no part in it (safety rule 7). */
export function takesPart(s: State): boolean {
  return s.history.aru >= s.membership.beginsAfter;
}

/** Everybody that this node knows of, members or not. */
export function* everybody(s: State): Iterable<Peer> {
  yield* s.peers.values();
  yield* s.strangers.values();
}

/** The voters among the peers that satisfy `condition`, and this node itself if it is a voter. */
export function countVoters(s: State, condition: (peer: Peer) => boolean): number {
  let count = s.membership.isVoter(s.settings.nodeId) ? 1 : 0;
  for (const peer of s.peers.values()) if (peer.isVoter && condition(peer)) count++;
  return count;
}

/**
 * The greatest number that an accept quorum has reached, each voter with its own; 0 when none has. Safety rule 5: only voters, only with
 * the storage on record.
 */
export function reachedByQuorum(s: State, own: number, of: (peer: Peer) => number): number {
  const { membership } = s;
  const reached = membership.isVoter(s.settings.nodeId) ? [own] : [];
  for (const peer of s.peers.values()) {
    if (peer.isVoter && peer.storeDurable) reached.push(of(peer));
  }
  reached.sort((a, b) => b - a);
  return reached[membership.acceptQuorum - 1] ?? 0;
}

/** Whether this node hears a quorum of voters. */
export function hearsQuorum(s: State): boolean {
  return countVoters(s, (peer) => hears(s, peer)) >= s.membership.hearingQuorum;
}

/** Whether a save has failed, or been under way for a progress timeout: this node cannot promise anything. */
export function storageStuck(s: State): boolean {
  if (s.storageFailed) return true;
  return s.outbox.saving !== undefined && s.now - s.outbox.saving.since >= s.settings.progressTicks;
}

/**
 * Whether anything in this node itself stands against its leading: a hung disk, or a state machine that is
 * being rebuilt.
 */
export function canLead(s: State): boolean {
  return !storageStuck(s) && !s.replaying && s.restoring === undefined && takesPart(s);
}

/** The greatest ARU known of any peer. */
export function greatestAru(s: State): number {
  let greatest = 0;
  for (const peer of everybody(s)) greatest = Math.max(greatest, peer.aru);
  return greatest;
}

/**
 * The next view above all attempted, and not below `least`, whose leader was heard lately, hears a quorum and
 * is less than a window behind.
 */
export function nextView(s: State, least = 0): number {
  const { membership } = s;
  const { nodeId, windowUpdates } = s.settings;
  // A view that somebody heard has promised above can reach no quorum with that node.
  const promises = [...s.peers.values()].map((peer) => (hears(s, peer) ? peer.promisedView : 0));
  const above = Math.max(s.attempted, s.view, s.promised, least - 1, ...promises);
  const level = Math.max(greatestAru(s), s.history.aru) - windowUpdates;
  const fit = (view: number): boolean => {
    const leader = membership.leaderOf(view);
    if (leader === nodeId) return hearsQuorum(s) && canLead(s) && s.history.aru > level;
    const peer = s.peers.get(leader);
    return peer !== undefined && hears(s, peer) && peer.hearsQuorum && peer.aru > level;
  };
  for (let view = above + 1; view <= above + membership.voters.length; view++) if (fit(view)) return view;
  return above + 1;
}
