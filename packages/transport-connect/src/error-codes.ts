import { Code, ConnectError } from "@connectrpc/connect";
import { RequestError, type RequestErrorCode } from "@paxos/core";
import { abortedError, describeError, noAnswerError, oneLine } from "@paxos/transport-kit";

// What the node itself has said is marked with its code. An error without the mark came about on the way: the
// library has codes of its own for broken streams, and some of them are among those below.
const mark = "paxos-error";

const codes: Readonly<Record<RequestErrorCode, Code>> = {
  busy: Code.ResourceExhausted,
  too_large: Code.OutOfRange,
  invalid: Code.InvalidArgument,
  expired: Code.FailedPrecondition,
  not_leader: Code.FailedPrecondition,
  refused: Code.FailedPrecondition,
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
  const why = describeConnectError(error);
  const code = ConnectError.from(error).metadata.get(mark);
  if (code !== null && isRequestErrorCode(code)) return new RequestError(code, why, { cause: error });
  return noAnswerError(address, why, error);
}

/** What went wrong, for people, without the library's code. */
export function describeConnectError(error: unknown): string {
  if (error instanceof ConnectError && error.rawMessage !== "") return oneLine(error.rawMessage);
  return describeError(error instanceof ConnectError ? error.cause : error);
}

/** Whether the library refused a message for its size; streams that HTTP/2 resets may have the same code. */
export function isOversize(error: unknown): boolean {
  return (
    error instanceof ConnectError &&
    error.code === Code.ResourceExhausted &&
    !error.metadata.has(mark) &&
    error.rawMessage.startsWith("message size")
  );
}

function isRequestErrorCode(code: string): code is RequestErrorCode {
  return Object.hasOwn(codes, code);
}
