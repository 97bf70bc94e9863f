import { create } from "@bufbuild/protobuf";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import { FailureCode, RequestFailureSchema, type RequestFailure } from "@paxos/proto";
import type { FaultRecord } from "./connection.js";
import { oneLine } from "./one-line.js";
import { noAnswerError } from "./request-errors.js";

/** What clients are told of a failure that is not meant for them. */
export const internalErrorDetail = "internal error; the log of the node says more";

/**
 * A handler has failed: the reason, when it is one for the client to know. Everything else shows nothing of the inside of the
 * node: it is counted and logged here, and the client is told {@link internalErrorDetail}.
 */
export function reasonForClient(
  error: unknown,
  { counters, log }: FaultRecord<"failed_client_requests">,
): RequestError | undefined {
  if (error instanceof RequestError) return error;
  counters.add("failed_client_requests");
  log.warn(
    "failed_client_requests",
    `a client's request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return undefined;
}

const codesOnTheWire: Readonly<Record<RequestErrorCode, FailureCode>> = {
  busy: FailureCode.BUSY,
  too_large: FailureCode.TOO_LARGE,
  invalid: FailureCode.INVALID,
  expired: FailureCode.EXPIRED,
  not_leader: FailureCode.NOT_LEADER,
  refused: FailureCode.REFUSED,
  unavailable: FailureCode.UNAVAILABLE,
  // These two are the caller's own affair; a node that gives up for them serves the request no further.
  timed_out: FailureCode.UNAVAILABLE,
  cancelled: FailureCode.UNAVAILABLE,
};

/** What a handler's failure is on the wire. Counts and logs those that are not meant for clients. */
export function toRequestFailure(
  error: unknown,
  faults: FaultRecord<"failed_client_requests">,
): RequestFailure {
  const reason = reasonForClient(error, faults);
  return create(
    RequestFailureSchema,
    reason === undefined
      ? { code: FailureCode.INTERNAL, detail: internalErrorDetail }
      : { code: codesOnTheWire[reason.code], detail: reason.message },
  );
}

/** What a failure on the wire means for the caller. */
export function fromRequestFailure(failure: RequestFailure, address: string): RequestError {
  const { code } = failure;
  const detail = oneLine(failure.detail);
  switch (code) {
    case FailureCode.BUSY:
      return new RequestError("busy", detail);
    case FailureCode.TOO_LARGE:
      return new RequestError("too_large", detail);
    case FailureCode.INVALID:
      return new RequestError("invalid", detail);
    case FailureCode.EXPIRED:
      return new RequestError("expired", detail);
    case FailureCode.NOT_LEADER:
      return new RequestError("not_leader", detail);
    case FailureCode.REFUSED:
      return new RequestError("refused", detail);
    case FailureCode.UNAVAILABLE:
      return new RequestError("unavailable", detail);
    // The node's own failure, or a code that this version does not know.
    default:
      return noAnswerError(address, detail);
  }
}
