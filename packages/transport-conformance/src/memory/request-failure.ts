import { create } from "@bufbuild/protobuf";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import { FailureCode, RequestFailureSchema, type RequestFailure } from "@paxos/proto";
import type { Counters } from "./counters.js";

const onTheWire: Readonly<Record<RequestErrorCode, FailureCode>> = {
  busy: FailureCode.BUSY,
  too_large: FailureCode.TOO_LARGE,
  invalid: FailureCode.INVALID,
  expired: FailureCode.EXPIRED,
  not_leader: FailureCode.NOT_LEADER,
  refused: FailureCode.REFUSED,
  unavailable: FailureCode.UNAVAILABLE,
  // Said to a client that has gone.
  timed_out: FailureCode.UNAVAILABLE,
  cancelled: FailureCode.UNAVAILABLE,
};

/** What a client is told: the reasons that are meant for it, and nothing of the inside of the node. */
export function makeFailure(error: unknown, counters: Counters): RequestFailure {
  if (error instanceof RequestError) {
    return create(RequestFailureSchema, { code: onTheWire[error.code], detail: error.message });
  }
  counters.addAndWarn(
    "failed_client_requests",
    `a client's request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  const detail = "internal error; the log of the node says more";
  return create(RequestFailureSchema, { code: FailureCode.INTERNAL, detail });
}

const toldByNodes = [
  "busy",
  "too_large",
  "invalid",
  "expired",
  "not_leader",
  "refused",
  "unavailable",
] as const;

/** The error that the server at `address` has told. */
export function readFailure({ code, detail }: RequestFailure, address: string): RequestError {
  const known = toldByNodes.find((name) => onTheWire[name] === code);
  return known === undefined ? noAnswer(address, detail) : new RequestError(known, detail);
}

/** No answer was had; the request may or may not have been served. */
export function noAnswer(address: string, why: string): RequestError {
  return new RequestError(
    "unavailable",
    `no answer from ${address}: ${why}; try another server, or again later`,
  );
}

/** The caller's signal was aborted: by its deadline, or because it gave up. */
export function aborted(address: string, signal: AbortSignal): RequestError {
  const reason = signal.reason as { readonly name?: unknown } | null | undefined;
  return reason?.name === "TimeoutError"
    ? new RequestError("timed_out", `no answer from ${address} in time; try another server, or again later`)
    : new RequestError("cancelled", `the request to ${address} was cancelled`);
}
