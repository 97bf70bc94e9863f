import { RequestError } from "@paxos/core";
import type { ClientUpdate, QueryRequest } from "@paxos/proto";

/** The caller's signal was aborted: by its deadline, or because it gave up. */
export function abortedError(address: string, signal: AbortSignal): RequestError {
  const reason = signal.reason as { name?: unknown } | null | undefined;
  const timedOut = reason?.name === "TimeoutError";
  return timedOut
    ? new RequestError("timed_out", `no answer from ${address} in time; try another server, or again later`, {
        cause: reason,
      })
    : new RequestError("cancelled", `the request to ${address} was cancelled`, { cause: reason });
}

/** The caller gave up, without a signal. */
export function cancelledError(address: string): RequestError {
  return new RequestError("cancelled", `the request to ${address} was cancelled`);
}

/** Whatever went wrong on the way: no answer was had from this server. */
export function noAnswerError(address: string, why: string, cause?: unknown): RequestError {
  return new RequestError(
    "unavailable",
    `no answer from ${address}: ${why}; try another server, or again later`,
    {
      cause,
    },
  );
}

/** The address of a server does not read as one. */
export function invalidAddressError(address: string): RequestError {
  return new RequestError("invalid", `"${address}" is no address: give host:port, IPv6 in brackets`);
}

/** The client transport was closed. */
export function closedError(): RequestError {
  return new RequestError("unavailable", "the client transport is closed");
}

/** The node was given no handler. */
export function noHandlerError(): RequestError {
  return new RequestError("unavailable", "this node serves no clients; ask another one");
}

/** Bytes of the other fields of an update or query, at most. */
const fieldBytes = 64;

/** Throws when an update does not fit a request of `maxRequestBytes`. */
export function requireFits(update: ClientUpdate, maxRequestBytes: number): void {
  const error = tooLargeError(update, maxRequestBytes);
  if (error !== undefined) throw error;
}

/** Says that an update does not fit a request of `maxRequestBytes`; undefined when it does. */
export function tooLargeError({ update }: ClientUpdate, maxRequestBytes: number): RequestError | undefined {
  return misfit("update", update, maxRequestBytes, "split it");
}

/** Throws when a query does not fit a request of `maxRequestBytes`. */
export function requireQueryFits(request: QueryRequest, maxRequestBytes: number): void {
  const error = queryTooLargeError(request, maxRequestBytes);
  if (error !== undefined) throw error;
}

/** Says that a query does not fit a request of `maxRequestBytes`; undefined when it does. */
export function queryTooLargeError(
  { query }: QueryRequest,
  maxRequestBytes: number,
): RequestError | undefined {
  return misfit("query", query, maxRequestBytes, "ask for less at once");
}

function misfit(what: string, { length }: Uint8Array, maxRequestBytes: number, advice: string) {
  if (length + fieldBytes <= maxRequestBytes) return undefined;
  const limit = maxRequestBytes - fieldBytes;
  return new RequestError("too_large", `the ${what} has ${length} bytes; the limit is ${limit}; ${advice}`);
}
