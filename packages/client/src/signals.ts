/**
 * Waits for signals of callers. One listener on each signal, however many requests it covers: a signal's own list of
 * listeners is searched from its start by each request that comes and goes.
 */
export class Signals {
  readonly #watched = new Map<
    AbortSignal,
    { readonly listeners: Set<() => void>; readonly onAbort: () => void }
  >();

  /** Calls `listener` when the signal is aborted, until {@link unwatch}. The signal is not aborted yet. */
  watch(signal: AbortSignal, listener: () => void): void {
    let entry = this.#watched.get(signal);
    if (entry === undefined) {
      const listeners = new Set<() => void>();
      const onAbort = (): void => {
        // Those that are taken away meanwhile are not called.
        for (const each of listeners) each();
        this.#watched.delete(signal);
      };
      entry = { listeners, onAbort };
      this.#watched.set(signal, entry);
      signal.addEventListener("abort", onAbort, { once: true });
    }
    entry.listeners.add(listener);
  }

  /** Takes the listener away again. */
  unwatch(signal: AbortSignal, listener: () => void): void {
    const entry = this.#watched.get(signal);
    if (entry === undefined) return;
    entry.listeners.delete(listener);
    if (entry.listeners.size > 0) return;
    this.#watched.delete(signal);
    signal.removeEventListener("abort", entry.onAbort);
  }
}

/** Whether a signal's time was over, rather than its owner's mind changed. */
export function isTimeout(signal: AbortSignal): boolean {
  return (signal.reason as { name?: unknown } | null | undefined)?.name === "TimeoutError";
}
