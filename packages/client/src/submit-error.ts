/**
 * Why an update was not ordered, as far as is known:
 * - `busy`: too many updates wait, here or at the servers; later it may succeed.
 * - `too_large`: it exceeds the servers' size limit.
 * - `invalid`: the arguments are wrong, or a server found the request wrong.
 * - `expired`: the cluster forgot the session while an attempt's end was not known.
 * - `timed_out`: its time was over, or the caller's signal was one of `AbortSignal.timeout`.
 * - `unavailable`: its time was over, and at the end no server could be reached.
 * - `cancelled`: the caller's signal was aborted, or the client closed.
 */
export type SubmitErrorCode =
  | "busy"
  | "too_large"
  | "invalid"
  | "expired"
  | "timed_out"
  | "unavailable"
  | "cancelled";

/** What is certain about an update that was not answered. */
export type FailedOutcome =
  /** It was not executed and never will be. */
  | "rejected"
  /** It may have been executed, or may yet be. */
  | "unknown";

/** An update that was not ordered, or may have been. The message says what to do. */
export class SubmitError extends Error {
  override readonly name = "SubmitError";
  constructor(
    readonly outcome: FailedOutcome,
    readonly code: SubmitErrorCode,
    /** What happened, without what follows from it for the update: the message has both. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${reason}; ${verdicts[outcome]}`, options);
  }
}

const verdicts: Readonly<Record<FailedOutcome, string>> = {
  rejected: "the update was not executed and will not be",
  unknown: "the update may have been executed, or may yet be: find out before you submit it again",
};
