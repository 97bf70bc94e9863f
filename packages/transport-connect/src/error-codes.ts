import { Code, ConnectError } from "@connectrpc/connect";
import { RequestError, type RequestErrorCode } from "@paxos/core";

// What the node itself has said is marked with its code. An error without the mark came about on the way: the
// library has codes of its own for broken streams, and some of them are among those below.
const mark = "paxos-error";

const codes: Readonly<Record<RequestErrorCode, Code>> = {
  busy: Code.ResourceExhausted,
  too_large: Code.OutOfRange,
  invalid: Code.InvalidArgument,
  expired: Code.FailedPrecondition,
  unavailable: Code.Unavailable,
  timed_out: Code.DeadlineExceeded,
  cancelled: Code.Canceled,
};

/** The error as clients of all languages see it, and how {@link fromConnectError} knows it again. */
export function toConnectError(error: RequestError): ConnectError {
  return new ConnectError(error.message, codes[error.code], { [mark]: error.code });
}

/**
 * What a failed call means for its caller: what the node said; or that the caller gave up; or, whatever else went
 * wrong, that no answer was had from this server.
 */
export function fromConnectError(error: unknown, address: string, signal: AbortSignal): RequestError {
  if (signal.aborted) return abortedError(address, signal);
  if (error instanceof RequestError) return error;
  const { rawMessage, metadata } = ConnectError.from(error);
  const code = metadata.get(mark);
  if (code !== null && isRequestErrorCode(code)) return new RequestError(code, rawMessage, { cause: error });
  return new RequestError(
    "unavailable",
    `no answer from ${address}: ${rawMessage}; try another server, or again later`,
    {
      cause: error,
    },
  );
}

/** The caller's signal was aborted: by its deadline, or because it gave up. */
export function abortedError(address: string, signal: AbortSignal): RequestError {
  const reason = signal.reason as { name?: unknown } | null | undefined;
  const timedOut = reason?.name === "TimeoutError";
  return timedOut
    ? new RequestError(
        "timed_out",
        `no answer from ${address} in time; try another server, or again later`,
        { cause: reason },
      )
    : new RequestError("cancelled", `the request to ${address} was cancelled`, { cause: reason });
}

function isRequestErrorCode(code: string): code is RequestErrorCode {
  return Object.hasOwn(codes, code);
}
