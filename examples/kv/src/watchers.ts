// Who watches is told every change, in order, once: from the history that is part of the state.
import type { Revision } from "./history.js";
import type { Store } from "./store.js";

/** What a watcher is sent: changes, or only how far it has seen everything. */
export interface Progress {
  /** Everything up to here has been told: a watcher that comes back asks for what is behind it. */
  readonly seq: number;
  readonly changes: Revision["changes"];
}

/** How many revisions are looked at in one turn. */
const BATCH = 256;

export class Watchers {
  readonly #waiting = new Set<() => void>();
  #scheduled = false;

  /** The state has changed. Who waits is woken once in a turn of the event loop, however often it has. */
  readonly changed = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of waiting) wake();
    });
  };

  /** Resolves after a change, or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      if (signal.aborted) wake();
      else signal.addEventListener("abort", wake);
    });
  }

  /**
   * All changes behind a seq to keys with a prefix, for ever; at first, and after `idleMs` without one, it says how far it is. Ends when the signal is aborted, and
   * when the watcher is so slow that the history does not reach back to it any more: then `store().history.forgotten` is above the last seq.
   *
   * @param store the state as it is now: a snapshot may put another one in its place.
   * @param applied how far that is.
   */
  async *watch(
    { after, prefix }: { readonly after: number; readonly prefix: string },
    { store, applied }: { readonly store: () => Store; readonly applied: () => number },
    { signal, idleMs }: { readonly signal: AbortSignal; readonly idleMs: number },
  ): AsyncGenerator<Progress, void, undefined> {
    let seen = after;
    // At once: who watches wants to know that it does.
    let due = 0;
    while (!signal.aborted && store().history.forgotten <= seen) {
      const seq = applied();
      const revisions = store().history.after(seen, BATCH);
      for (const { seq, changes } of revisions) {
        seen = seq;
        const wanted = changes.filter(({ key }) => key.startsWith(prefix));
        if (wanted.length === 0) continue;
        yield { seq, changes: wanted };
        due = performance.now() + idleMs;
      }
      // A server that is behind has nothing to say yet.
      if (revisions.length === 0) seen = Math.max(seen, seq);
      if (performance.now() >= due) {
        yield { seq: seen, changes: [] };
        due = performance.now() + idleMs;
      }
      if (revisions.length > 0) continue;
      const woken = AbortSignal.any([
        signal,
        AbortSignal.timeout(Math.max(1, Math.ceil(due - performance.now()))),
      ]);
      while (!woken.aborted && store().history.after(seen, 1).length === 0) await this.next(woken);
    }
  }
}
