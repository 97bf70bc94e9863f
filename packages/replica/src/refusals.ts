// Why a client's request is not served, in words.
import { RequestError } from "@paxos/core";

export function closing(): RequestError {
  return new RequestError("unavailable", "this node is closing; try another one");
}

export function cancelled(): RequestError {
  return new RequestError("cancelled", "the caller gave up waiting; the update may be ordered all the same");
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

export function refused(code: "busy" | "too_large" | "unavailable"): RequestError {
  return new RequestError(code, refusals[code]);
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
