// Why a client's request is not served, in words.
import { RequestError, type ChangeResult } from "@paxos/core";

export function closing(): RequestError {
  return new RequestError("unavailable", "this node is closing; try another one");
}

export function cancelled(): RequestError {
  return new RequestError("cancelled", "the caller gave up waiting; the update may be ordered all the same");
}

export function readCancelled(): RequestError {
  return new RequestError("cancelled", "the caller gave up waiting");
}

export function tooManyReads(most: number): RequestError {
  return new RequestError("busy", `${most} reads are waiting at this node; try again later`);
}

/** A read would wait for ever. */
export function learnsNothing(): RequestError {
  return new RequestError(
    "unavailable",
    "this node's storage has failed: it learns of nothing new; try another one",
  );
}

export function beingReplaced(): RequestError {
  return new RequestError(
    "unavailable",
    "the state of this node is being replaced by a snapshot; try again, or another one",
  );
}

export function cannotSave(error: Error): RequestError {
  return new RequestError("unavailable", `this node's storage has failed: ${error.message}; try another one`);
}

/** Never "expired": nobody has looked whether the update was executed. */
export function skipped(): RequestError {
  return new RequestError(
    "unavailable",
    "this node was far behind and has skipped updates, this one may be among them; try another one",
  );
}

export function refused(code: "busy" | "too_large" | "unavailable" | "removed"): RequestError {
  return code === "removed" ? removed() : new RequestError(code, refusals[code]);
}

/** Its updates may have been ordered before, or be ordered still. */
export function removed(): RequestError {
  return new RequestError("unavailable", "this node was removed from the cluster; try another one");
}

export function notLeader(leader: number | undefined): RequestError {
  const who = leader === undefined ? "no leader is known at present" : `node ${leader} does`;
  return new RequestError("not_leader", `this node does not lead; ${who}`);
}

/** Nothing has changed. */
export function changeRefused({ reason, detail }: Extract<ChangeResult, { kind: "refused" }>): RequestError {
  return new RequestError(reason === "invalid" ? "invalid" : "refused", detail);
}

/** Somebody else's stop sign may have come in its place, or its own still be ordered. */
export function changeLost(): RequestError {
  return new RequestError(
    "unavailable",
    "the leader was lost before the change was made, or another change has come first; look at the members, and ask again if need be",
  );
}

const refusals = {
  busy: "too many updates are waiting; try again later",
  too_large: "the update exceeds the size limit",
  unavailable: "the leader takes no updates of this size; another one may have taken it before",
};

export function expired(clientId: bigint, timestamp: bigint): RequestError {
  return new RequestError(
    "expired",
    `update ${timestamp} of client ${clientId} was not executed now: its session is forgotten, or remembers only later ones; whether it was executed before is not known`,
  );
}
