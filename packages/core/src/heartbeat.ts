// Heartbeats, by all to all: who is alive, who leads, who lags, who hears whom.
import type { Heartbeat } from "@paxos/proto";
import { attempt, mayAttempt } from "./election.js";
import { endLease } from "./lease.js";
import { countVote } from "./ordering.js";
import type { Peer } from "./peers.js";
import type { State } from "./state.js";
import { knowsStores, logStoresRecorded, noteSave, tellSave } from "./stores.js";
import { retireIfReplaced } from "./epochs.js";
import {
  canLead,
  everybody,
  findLeader,
  follow,
  hearsQuorum,
  loseLeader,
  nextView,
  restartProgress,
} from "./view.js";
import { fromWire, toWire } from "./wire.js";

/** Says how this node stands, of promises only what is durable. */
export function sendHeartbeats(s: State): void {
  s.heartbeat.restart(s.now);
  s.heartbeatWanted = false;
  const { promisedView, ledView, accepted } = s.durable;
  // Safety rule 4: not a word of a view that is led before that is durable.
  const announced = s.role !== "preparing" || ledView === s.view;
  const value: Heartbeat = {
    $typeName: "paxos.v1.Heartbeat",
    nodeId: toWire(s.settings.nodeId),
    view: toWire(announced ? s.view : promisedView),
    localAru: toWire(s.history.aru),
    promisedView: toWire(promisedView),
    acceptedSeq: toWire(accepted.view === promisedView ? accepted.seq : 0),
    leading: s.role === "leader",
    preparing: s.role === "preparing" && announced,
    hearsQuorum: hearsQuorum(s) && canLead(s),
    knowsStores: knowsStores(s),
    ...tellSave(s, s.durable.saveNumber),
  };
  for (const { nodeId: to } of everybody(s)) s.outbox.send(to, { case: "heartbeat", value });
}

/**
 * A sign of life. That of a leader installs its view, unless more has been promised, and ends any attempt.
 */
export function onHeartbeat(s: State, from: Peer, message: Heartbeat): void {
  const view = fromWire(message.view, "view");
  // May be lower than before: a crash takes back what was not durable.
  from.aru = fromWire(message.localAru, "ARU");
  from.promisedView = Math.max(from.promisedView, fromWire(message.promisedView, "view"));
  from.hearsQuorum = message.hearsQuorum;
  from.knowsStores = message.knowsStores;
  noteSave(from, message);
  logStoresRecorded(s);
  retireIfReplaced(s, from);
  if (message.acceptedSeq > 0n) {
    const { epoch } = s.membership;
    countVote(s, from, fromWire(message.promisedView, "view"), fromWire(message.acceptedSeq, "seq"));
    // The vote was the last that a stop sign wanted: the rest of the message is of an epoch that has ended.
    if (s.membership.epoch !== epoch) return;
  }
  if (s.membership.leaderOf(view) !== from.nodeId) return;
  if (message.leading || message.preparing) onLeaderHeard(s, view, message);
  else {
    endLease(s, view);
    if (view === s.view && s.role === "follower") onLeaderGone(s, from);
  }
}

function onLeaderHeard(s: State, view: number, { leading, acceptedSeq }: Heartbeat): void {
  if (view < s.promised || view < s.view) return;
  // A preparing node has a quorum behind it: only a higher view ends its attempt. It never hears itself.
  if (view > s.view || s.role === "electing") follow(s, view);
  if (s.role !== "follower") return;
  s.leaderHeard = s.now;
  if (leading) findLeader(s);
  // Success is a leader whose first proposal is durable: with slow disks the timeouts must be able to grow
  // until then.
  if (leading && acceptedSeq > 0n) s.attempts = 0;
  // While own updates wait, only their getting ordered is progress: see delivery.
  if (s.updates.own === 0) restartProgress(s);
}

/**
 * The leader of this node's view says that it leads no more, or has restarted: nobody need wait for the
 * timeout.
 */
function onLeaderGone(s: State, from: Peer): void {
  loseLeader(s);
  if (mayAttempt(s)) attempt(s, nextView(s), `node ${from.nodeId} leads no more`);
}
