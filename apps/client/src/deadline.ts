// How long something is waited for.
import type { Environment } from "./environment.js";

/** Aborted when the program is to end, or after so long, with a TimeoutError then. */
export function deadlineOf(
  environment: Environment,
  ms: number,
): { readonly signal: AbortSignal; readonly end: () => void } {
  const controller = new AbortController();
  const over = new AbortController();
  const { signal } = environment.interrupt;
  const onInterrupt = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", onInterrupt);
  if (signal.aborted) onInterrupt();
  if (ms !== Infinity) {
    void environment.wait(ms, over.signal).then(() => {
      if (!over.signal.aborted) controller.abort(new DOMException("no answer in time", "TimeoutError"));
    });
  }
  const end = (): void => {
    signal.removeEventListener("abort", onInterrupt);
    over.abort();
  };
  return { signal: controller.signal, end };
}
