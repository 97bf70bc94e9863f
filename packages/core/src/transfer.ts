// Leadership that is handed over: asked for, at the leader's end, or to a preferred voter.
import type { LeaderTransfer } from "@paxos/proto";
import { isFit } from "./change.js";
import { ignore } from "./ignored.js";
import { isLeasedToAnother } from "./lease.js";
import type { Peer } from "./peers.js";
import { startPrepare } from "./prepare.js";
import type { State } from "./state.js";
import { canLead, hears, knownLeader, loseLeader } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

/** What becomes of a hand-over that is asked for. */
export type TransferResult =
  | { readonly kind: "started"; readonly to: number }
  /** The node leads already. */
  | { readonly kind: "leads" }
  /** This node does not lead. */
  | { readonly kind: "not_leader"; readonly leader: number | undefined }
  | { readonly kind: "refused"; readonly detail: string };

/** The leader is to hand over. It proposes nothing new until that has succeeded, or taken a progress timeout. */
export function startTransfer(s: State, wanted: number | undefined): TransferResult {
  const { nodeId, logger } = s.settings;
  if (s.leading === undefined) return { kind: "not_leader", leader: knownLeader(s) };
  if (wanted === nodeId) return { kind: "leads" };
  if (s.leading.ending !== undefined)
    return { kind: "refused", detail: "a membership change is under way; try again when it is done" };
  const to = wanted ?? fittest(s)?.nodeId;
  if (to === undefined) return { kind: "refused", detail: "no other voter is up and level" };
  if (!s.membership.isVoter(to)) return { kind: "refused", detail: `node ${to} is no voter` };
  const peer = s.peers.get(to);
  if (peer === undefined || !isFit(s, to) || !peer.hearsQuorum) {
    return {
      kind: "refused",
      detail: `node ${to} is not up, does not hear a quorum, or lags by more than a window`,
    };
  }
  const view = nextViewOf(s, to);
  logger.info(`hands over to node ${to}, to lead view ${view}`);
  // Whoever is told may lead from then on.
  s.leading.leaseVoid = true;
  s.transfer = { to, view, since: s.now, told: false };
  return { kind: "started", to };
}

/** The voter that would lead soonest: preferred, then level. */
function fittest(s: State): Peer | undefined {
  const { membership } = s;
  const fit = [...s.peers.values()].filter(
    (peer) => peer.isVoter && peer.hearsQuorum && isFit(s, peer.nodeId),
  );
  const rank = (peer: Peer) => membership.priorityOf(peer.nodeId);
  return fit.reduce<Peer | undefined>((best, peer) => {
    if (best === undefined || rank(peer) > rank(best)) return peer;
    return rank(peer) === rank(best) && peer.accepted.seq > best.accepted.seq ? peer : best;
  }, undefined);
}

/** The next view that a node leads, above all that this node knows to be promised. */
function nextViewOf(s: State, leader: number): number {
  const { membership } = s;
  let view = s.view + 1;
  for (const peer of s.peers.values()) if (hears(s, peer)) view = Math.max(view, peer.promisedView + 1);
  while (membership.leaderOf(view) !== leader) view++;
  return view;
}

/** As soon as the other has accepted everything that was proposed, it is told. */
export function continueTransfer(s: State): void {
  const { transfer, leading } = s;
  if (transfer === undefined) return;
  if (leading === undefined) return void (s.transfer = undefined);
  const peer = s.peers.get(transfer.to);
  if (peer === undefined) return void (s.transfer = undefined);
  const level = peer.accepted.view === s.view && peer.accepted.seq >= leading.nextSeq - 1;
  if (!level || leading.first.length > 0 || transfer.told) return;
  transfer.told = true;
  s.outbox.send(transfer.to, {
    case: "leaderTransfer",
    value: {
      nodeId: toWire(s.settings.nodeId),
      view: toWire(s.view),
      nextView: toWire(transfer.view),
    },
  });
}

/** Every heartbeat: it is told again, and given up after a progress timeout. */
export function tickTransfer(s: State): void {
  const { transfer } = s;
  if (transfer === undefined) return;
  if (s.now - transfer.since < s.settings.progressTicks) {
    transfer.told = false;
    return;
  }
  s.settings.logger.warn(`node ${transfer.to} has not taken over: this node goes on leading`);
  s.transfer = undefined;
}

/** The leader hands over to this node: it prepares at once, as if a quorum attempted the view. */
export function onLeaderTransfer(s: State, from: Peer, message: LeaderTransfer): void {
  const view = fromWire(message.view, "view");
  const next = fromWire(message.nextView, "view");
  const { membership } = s;
  if (membership.leaderOf(view) !== from.nodeId || membership.leaderOf(next) !== s.settings.nodeId) {
    throw new PeerError("not_leader", `node ${from.nodeId} hands over view ${view} for view ${next}`);
  }
  const leased = isLeasedToAnother(s, s.settings.nodeId, view);
  const timely =
    !leased && view === s.view && s.role === "follower" && next > s.promised && next > s.attempted;
  if (!timely || !canLead(s)) {
    return ignore(s, "stale_transfer", `hand-over of view ${view} for view ${next}`);
  }
  s.settings.logger.info(`takes over from node ${from.nodeId}: prepares view ${next}`);
  s.attempted = next;
  s.attemptedAt = s.now;
  loseLeader(s);
  s.updates.restart();
  startPrepare(s, view);
}

/** Every heartbeat: a voter that is preferred, and has been fit for a progress timeout, is handed the leadership. */
export function preferLeader(s: State): void {
  const { membership } = s;
  if (s.leading === undefined || s.leading.ending !== undefined || s.transfer !== undefined) return;
  const best = fittest(s);
  const better =
    best !== undefined && membership.priorityOf(best.nodeId) > membership.priorityOf(s.settings.nodeId);
  if (!better) return void (s.preferred = undefined);
  if (s.preferred?.nodeId !== best.nodeId) s.preferred = { nodeId: best.nodeId, since: s.now };
  if (s.now - s.preferred.since < s.settings.progressTicks) return;
  // Should it fail, the next try comes later.
  s.preferred.since = s.now + 8 * s.settings.progressTicks;
  startTransfer(s, best.nodeId);
}
