import type { ClientEnvironment } from "./environment.js";

/** Waits until the time is over or the signal is aborted, whichever comes first. Never rejects. */
export function pause(environment: ClientEnvironment, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const onEnd = (): void => {
      stop();
      signal.removeEventListener("abort", onEnd);
      resolve();
    };
    const stop = environment.after(ms, onEnd);
    signal.addEventListener("abort", onEnd);
    if (signal.aborted) onEnd();
  });
}
