// Leader election: ViewChange and ViewChangeProof, attempts and their end.
import type { ViewChange, ViewChangeProof } from "@paxos/proto";
import { isLeasedToAnother } from "./lease.js";
import type { Peer } from "./peers.js";
import { startPrepare } from "./prepare.js";
import type { State } from "./state.js";
import {
  countVoters,
  follow,
  hears,
  hearsLeader,
  hearsQuorum,
  loseLeader,
  nextView,
  restartProgress,
  storageStuck,
  takesPart,
} from "./view.js";
import { fromWire, toWire } from "./wire.js";

/**
 * The first attempt of a fresh node, and that of a cluster of one at every start. Others that restart wait to
 * hear of a view.
 */
export function startElection(s: State): void {
  const { membership } = s;
  if (!mayAttempt(s) || s.role !== "follower") return;
  if (s.view === 0 || membership.voters.length === 1) attempt(s, s.view + 1, "start");
  else restartProgress(s);
}

/** Every tick: whoever has waited too long, or cannot lead any longer, attempts another view. */
export function tickElection(s: State): void {
  if (!mayAttempt(s)) return;
  if (s.role === "leader") {
    const why = unfitToLead(s);
    if (why !== undefined) attempt(s, nextView(s), why);
  } else if (s.progress.expired(s.now)) {
    if (s.settings.logger.verbose) s.settings.logger.debug(`timer: progress, while ${s.role}`);
    if (hearsQuorum(s)) s.attempts++;
    attempt(
      s,
      nextView(s),
      s.role === "follower" ? "no progress" : `view ${s.attempted} not installed in time`,
    );
  }
}

/** Only voters, and only once they hold what was ordered before the epoch (safety rule 7). */
export function mayAttempt(s: State): boolean {
  return s.membership.isVoter(s.settings.nodeId) && takesPart(s);
}

/** Check-quorum, and the leader's own storage. */
function unfitToLead(s: State): string | undefined {
  for (const peer of s.peers.values()) {
    if (peer.isVoter && hears(s, peer) && peer.promisedView > s.view) {
      return `node ${peer.nodeId} has promised view ${peer.promisedView}`;
    }
  }
  const following = countVoters(s, (peer) => hears(s, peer) && peer.promisedView <= s.view);
  const { acceptQuorum, voters } = s.membership;
  if (following < acceptQuorum)
    return `hears ${following} of ${voters.length} voters, itself included; needs ${acceptQuorum}`;
  if (storageStuck(s)) return "its storage makes no progress";
  return undefined;
}

/** Attempts a view: says so until a quorum does, a leader is heard, or time is up. */
export function attempt(s: State, view: number, why: string): void {
  // It could promise nothing, and lead nothing.
  if (s.storageFailed) return;
  const { membership } = s;
  s.settings.logger.info(`attempts view ${view}, to be led by node ${membership.leaderOf(view)} (${why})`);
  const wasLeading = s.role === "leader" || s.role === "preparing";
  s.role = "electing";
  s.attempted = view;
  s.attemptedAt = s.now;
  s.preparing = undefined;
  s.leading = undefined;
  loseLeader(s);
  s.updates.restart();
  restartProgress(s);
  if (wasLeading) s.heartbeatWanted = true;
  sendViewChange(s);
  prepareIfQuorum(s);
}

/** Also every heartbeat while electing. */
export function sendViewChange(s: State): void {
  for (const peer of s.peers.values()) {
    if (!peer.isVoter) continue;
    s.outbox.send(peer.nodeId, {
      case: "viewChange",
      value: {
        nodeId: toWire(s.settings.nodeId),
        attemptedView: toWire(s.attempted),
        localAru: toWire(s.history.aru),
        hearsQuorum: hearsQuorum(s),
      },
    });
  }
}

/** A peer attempts a view. No promise is given or taken. */
export function onViewChange(s: State, from: Peer, message: ViewChange): void {
  const view = fromWire(message.attemptedView, "view");
  if (!from.isVoter || !mayAttempt(s)) return;
  from.viewChange = { view, tick: s.now };
  from.aru = Math.max(from.aru, fromWire(message.localAru, "ARU"));
  from.hearsQuorum = message.hearsQuorum;
  const leaves = s.role === "follower" && s.membership.leaderOf(s.view) === from.nodeId;
  const seeks = s.role === "electing" || s.role === "preparing" || leaves || misses(s);
  if (view > s.attempted && seeks) {
    return attempt(s, message.hearsQuorum ? view : betterView(s, view), `joins node ${from.nodeId}`);
  }
  if (s.role === "electing") return prepareIfQuorum(s);
  if (s.role === "preparing" || view === s.view) return;
  s.outbox.send(from.nodeId, {
    case: "viewChangeProof",
    value: {
      nodeId: toWire(s.settings.nodeId),
      installedView: toWire(s.view),
      hearsLeader: hearsLeader(s),
    },
  });
}

/**
 * Whether a node misses its leader. One that has just been told that there is one waits a heartbeat to hear
 * it: else two nodes that are told so in turn would call each other back to their attempts, as fast as the
 * network goes.
 */
function misses(s: State): boolean {
  const told = s.takenOverAt !== undefined && s.now - s.takenOverAt < s.settings.heartbeatTicks;
  return !told && !hearsLeader(s);
}

/**
 * Who hears no quorum cannot know who would be fit to lead: a node that does hear one chooses by itself, from
 * that view on. At most once a heartbeat, or nodes that disagree about who is fit would drive each other up
 * without end.
 */
function betterView(s: State, view: number): number {
  const mayChoose = s.role !== "electing" || s.now - s.attemptedAt >= s.settings.heartbeatTicks;
  return mayChoose && hearsQuorum(s) ? nextView(s, view) : view;
}

/**
 * Prepares when a prepare quorum attempts a view that this node is to lead. Attempts count for half a
 * progress timeout.
 */
function prepareIfQuorum(s: State): void {
  const { membership } = s;
  const { nodeId, progressTicks } = s.settings;
  if (membership.leaderOf(s.attempted) !== nodeId) return;
  const attempting = countVoters(s, ({ viewChange }) => {
    return viewChange?.view === s.attempted && s.now - viewChange.tick <= progressTicks >> 1;
  });
  if (attempting >= membership.prepareQuorum && !isLeasedToAnother(s, nodeId, 0)) startPrepare(s);
}

/**
 * A peer has installed a view. Only one that hears the view's leader ends an attempt; taking over its word is
 * not hearing the leader, so that followers of a dead leader do not end each other's attempts for ever.
 */
export function onViewChangeProof(s: State, from: Peer, message: ViewChangeProof): void {
  const view = fromWire(message.installedView, "view");
  const { nodeId } = s.settings;
  const { membership } = s;
  if (!from.isVoter || !message.hearsLeader || membership.leaderOf(view) === nodeId || view < s.promised)
    return;
  if (view <= s.view && (view < s.view || s.role !== "electing")) return;
  follow(s, view);
  s.takenOverAt = s.now;
}
