// A caller who is given a promise.
import type { UpdateCaller } from "@paxos/core";

/** What a client gets for an ordered update. */
export interface Outcome {
  /** The update's seq; of an update that was ordered more than once, the first. */
  readonly seq: number;
  /** The state machine's answer. */
  readonly result: Uint8Array;
  /** Whether the update had been executed before, at `seq`, and this is the answer it got then. */
  readonly duplicate: boolean;
}

/**
 * Hands in an update, and promises what becomes of it. When the signal is aborted, `leave` is called; the update may be ordered all the
 * same.
 */
export function submission(
  take: (caller: UpdateCaller) => void,
  leave: (caller: UpdateCaller) => void,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const done = (): void => signal?.removeEventListener("abort", onAbort);
    const caller: UpdateCaller = {
      onOrdered: (seq, result, duplicate) => (done(), resolve({ seq, result, duplicate })),
      onFailed: (error) => (done(), reject(error instanceof Error ? error : new Error(String(error)))),
    };
    const onAbort = (): void => leave(caller);
    // Before it is handed in: its caller may be told at once.
    signal?.addEventListener("abort", onAbort, { once: true });
    take(caller);
  });
}
