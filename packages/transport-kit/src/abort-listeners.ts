import { setMaxListeners } from "node:events";

/**
 * Tells who has to know when a signal is aborted. A caller may use one signal for very many requests at the same
 * time: the signal gets one listener for all of them, as adding and removing takes long on a signal that has many.
 */
export class AbortListeners {
  readonly #signals = new Map<
    AbortSignal,
    { readonly callbacks: Set<() => void>; readonly onAbort: () => void }
  >();

  /** Calls `callback` when the signal, which must not have been aborted yet, is aborted. */
  add(signal: AbortSignal, callback: () => void): void {
    const known = this.#signals.get(signal);
    if (known !== undefined) {
      known.callbacks.add(callback);
      return;
    }
    const callbacks = new Set([callback]);
    const onAbort = (): void => {
      this.#signals.delete(signal);
      for (const told of callbacks) told();
    };
    this.#signals.set(signal, { callbacks, onAbort });
    // One signal may be used for calls to many servers.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", onAbort, { once: true });
  }

  /** Does not call `callback` any more. */
  remove(signal: AbortSignal, callback: () => void): void {
    const known = this.#signals.get(signal);
    if (known === undefined) return;
    known.callbacks.delete(callback);
    if (known.callbacks.size > 0) return;
    this.#signals.delete(signal);
    signal.removeEventListener("abort", known.onAbort);
  }
}
