// Time as the clients see it: the machine's, except in tests.
import { RequestError } from "@paxos/core";

export interface ClientClock {
  /** Milliseconds of a clock that nobody sets: what leases are judged by here. */
  monotonic(): number;
  /** Milliseconds since 1970: what commands tell the state machine. */
  wall(): number;
  /** Calls back after so many milliseconds. Returns how to cancel that. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: ClientClock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many milliseconds, or as soon as the signal is aborted. */
export async function pause(clock: ClientClock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener("abort", done);
  });
}

/** Gives what is under way a signal that is aborted with the outer one, or after so many milliseconds, which is a RequestError `timed_out`. */
export async function within<T>(
  clock: ClientClock,
  ms: number,
  outer: AbortSignal | undefined,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const onAbort = (): void => own.abort(outer?.reason);
  const late = new RequestError("timed_out", `no answer within ${ms / 1000} s`);
  const cancel = clock.after(ms, () => own.abort(late));
  if (outer?.aborted === true) onAbort();
  outer?.addEventListener("abort", onAbort);
  try {
    return await act(own.signal);
  } catch (error) {
    throw own.signal.reason === late ? late : error;
  } finally {
    cancel();
    outer?.removeEventListener("abort", onAbort);
  }
}
