// Updates of clients on their way to the leader: taken, forwarded, sent again, refused.
import { encodeClientUpdate, RefusalReason, type ClientUpdateFields, type UpdateRefusal } from "@paxos/proto";
import { isRemoved } from "./epochs.js";
import { ignore } from "./ignored.js";
import type { Peer } from "./peers.js";
import { readUpdate } from "./read-update.js";
import type { State } from "./state.js";
import { knownLeader, restartProgress } from "./view.js";
import { PeerError, toWire } from "./wire.js";

/** An update as a client hands it in: `clientId` is not 0; what is left out is 0. */
export type UpdateRequest = Pick<ClientUpdateFields, "clientId" | "timestamp" | "update"> &
  Partial<Pick<ClientUpdateFields, "kind" | "session" | "answeredUpTo">>;

/**
 * What becomes of an update handed in: it is queued, and ordered unless it is refused later or the node
 * stops; there is no room for it now; it exceeds `updateBytes`; or this node was removed from the cluster.
 */
export type ProposeResult = "queued" | "busy" | "too_large" | "removed";

/** Takes an update of this node's own clients, and becomes responsible for it. */
export function takeUpdate(s: State, request: UpdateRequest): ProposeResult {
  const { clientId, timestamp, update } = request;
  if (update.length > s.settings.updateBytes) return "too_large";
  const known = s.updates.get(clientId, timestamp);
  if (s.storageFailed) return "busy";
  if (isRemoved(s)) return "removed";
  if (known === undefined) {
    const { kind = 0, session = 0n, answeredUpTo = 0n } = request;
    const nodeId = toWire(s.settings.nodeId);
    const bytes = encodeClientUpdate({ clientId, nodeId, timestamp, update, kind, session, answeredUpTo });
    if (s.updates.isFull(bytes.length)) return "busy";
    s.updates.add({ clientId, timestamp, bytes, own: true });
  } else {
    s.updates.adopt(known);
  }
  return "queued";
}

/** Sends waiting updates to the leader, once there is one. */
export function forwardUpdates(s: State): void {
  const leader = knownLeader(s);
  if (leader === undefined || leader === s.settings.nodeId) return;
  for (;;) {
    const update = s.updates.peekWaiting();
    if (update === undefined) return;
    s.updates.takeWaiting("forwarded");
    s.outbox.send(leader, { case: "clientUpdate", value: update.bytes });
  }
}

/** How many updates are sent again at once: when nothing is heard of them; when the leader was too busy for some. */
const resendAtOnce = { unheard: 64, refused: 1024 };

/**
 * Every heartbeat: the oldest few that were forwarded are sent again, with back-off while none of them gets
 * ordered, and without when the leader has said that it was too busy.
 */
export function resendUpdates(s: State): void {
  const leader = knownLeader(s);
  if (leader === undefined || leader === s.settings.nodeId || s.updates.own === 0) return;
  // What this node has not heard of may be ordered.
  if (s.history.aru < s.catchUp.mark) return;
  const { refused } = s.resend;
  const atOnce = refused ? resendAtOnce.refused : resendAtOnce.unheard;
  const oldest = [];
  for (const update of s.updates) {
    if (update.stage === "forwarded") oldest.push(update);
    if (oldest.length === atOnce) break;
  }
  if (oldest[0] !== s.resend.oldest) s.resend = { oldest: oldest[0], wait: 2, waited: 0, refused: false };
  if (oldest.length === 0 || (++s.resend.waited < s.resend.wait && !refused)) return;
  s.resend.waited = 0;
  s.resend.wait = refused ? 2 : Math.min(16, s.resend.wait * 2);
  s.resend.refused = false;
  for (const update of oldest) {
    update.sent++;
    s.outbox.send(leader, { case: "clientUpdate", value: update.bytes });
  }
}

/**
 * An update that a peer forwards, believing that this node leads. If it does not, the peer will learn and
 * send it elsewhere.
 */
export function onClientUpdate(s: State, from: Peer, bytes: Uint8Array): void {
  const fields = readUpdate(bytes);
  if (fields === undefined || fields.clientId === 0n) {
    throw new PeerError("malformed", `${bytes.length} bytes forwarded by node ${from.nodeId} are no update`);
  }
  const { clientId, timestamp, update } = fields;
  if (s.role !== "leader" && s.role !== "preparing") {
    return ignore(s, "not_leading", `update forwarded by node ${from.nodeId} to a node that does not lead`);
  }
  if (s.updates.get(clientId, timestamp) !== undefined) return;
  if (update.length > s.settings.updateBytes)
    return refuse(s, from, clientId, timestamp, RefusalReason.TOO_LARGE);
  if (s.updates.isFull(bytes.length)) return refuse(s, from, clientId, timestamp, RefusalReason.BUSY);
  s.updates.add({ clientId, timestamp, bytes, own: false });
}

function refuse(s: State, to: Peer, clientId: bigint, timestamp: bigint, reason: RefusalReason): void {
  s.outbox.send(to.nodeId, {
    case: "updateRefusal",
    value: { nodeId: toWire(s.settings.nodeId), clientId, timestamp, reason },
  });
}

/**
 * The leader has not taken an update of this node. Too busy: it is asked again soon. Nobody is told that the update was
 * refused, for the network may have doubled it, and another copy been taken; who hands in updates is told "busy" when
 * this node's own queue is full. Too large: the leader will never take it. An earlier leader may have, if its limit was
 * another one and the update was sent more than once.
 */
export function onUpdateRefusal(s: State, from: Peer, refusal: UpdateRefusal): void {
  const { clientId, timestamp, reason } = refusal;
  const update = s.updates.get(clientId, timestamp);
  if (knownLeader(s) !== from.nodeId || update?.own !== true) return;
  if (reason !== RefusalReason.TOO_LARGE) {
    // A sign of life: a leader that is there and busy is not to be replaced for that.
    restartProgress(s);
    s.resend.refused = true;
    return;
  }
  s.updates.remove(clientId, timestamp);
  s.outbox.refusals.push({ clientId, timestamp, code: update.sent > 1 ? "unavailable" : "too_large" });
}
