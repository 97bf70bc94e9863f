/** Why a request of a client was not served. */
export type RequestErrorCode =
  /**
   * A queue is full. Trying again later may succeed. The update has not been taken, unless the network
   * doubled it on its way to the leader; trying again with the same client id and timestamp is safe in any
   * case.
   */
  | "busy"
  /** The update exceeds the size limit; trying again is of no use. */
  | "too_large"
  /** The request itself is wrong; trying again is of no use. */
  | "invalid"
  /**
   * The update's session is forgotten, or the update is older than what the session remembers: it was not executed
   * now, and may or may not have been before.
   */
  | "expired"
  /** Only the leader can serve the request, and the node does not lead. */
  | "not_leader"
  /** The request cannot be granted as things are: the message says why, and what would help. Nothing has changed. */
  | "refused"
  /** The node is closing, or cannot be reached. The update may still be ordered. */
  | "unavailable"
  /** The caller's deadline has passed: its signal was aborted by `AbortSignal.timeout`. The update may still be ordered. */
  | "timed_out"
  /** The caller's signal was aborted. The update may still be ordered. */
  | "cancelled";

/** A request that was not served. The message says what to do. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  constructor(
    readonly code: RequestErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * A configuration, or storage that does not belong to it. The message names the value and what is allowed.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** An invariant of this node's own is broken. The node must not go on: its promises may be worth nothing. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws an {@link InvariantError} unless `condition` holds. Called in production. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(`broken invariant: ${what}`);
}

/** The end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
