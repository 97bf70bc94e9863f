import type { RequestError } from "@paxos/core";

/** What a client gets for an ordered update. */
export interface Outcome {
  /** The update's seq; of an update that was ordered more than once, the first. */
  readonly seq: number;
  /** The state machine's answer. */
  readonly result: Uint8Array;
  /** Whether the update had been executed before, at `seq`, and this is the answer it got then. */
  readonly duplicate: boolean;
}

interface Waiter {
  resolve(outcome: Outcome): void;
  reject(error: RequestError): void;
}

/** Who waits for which update. Several may wait for the same one: a client that tried again. */
export class Waiters {
  readonly #byClient = new Map<bigint, Map<bigint, Set<Waiter>>>();

  /**
   * Waits for an update's outcome. Rejects when the signal is aborted; the update may be ordered all the
   * same.
   */
  wait(clientId: bigint, timestamp: bigint, signal: AbortSignal | undefined, cancelled: () => RequestError) {
    return new Promise<Outcome>((resolve, reject) => {
      let ofClient = this.#byClient.get(clientId);
      if (ofClient === undefined) this.#byClient.set(clientId, (ofClient = new Map<bigint, Set<Waiter>>()));
      let waiters = ofClient.get(timestamp);
      if (waiters === undefined) ofClient.set(timestamp, (waiters = new Set<Waiter>()));
      const onAbort = () => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#forget(clientId, timestamp, waiters);
        reject(cancelled());
      };
      const done = () => signal?.removeEventListener("abort", onAbort);
      const waiter: Waiter = {
        resolve: (outcome) => (done(), resolve(outcome)),
        reject: (error) => (done(), reject(error)),
      };
      waiters.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  resolve(clientId: bigint, timestamp: bigint, outcome: Outcome): void {
    for (const waiter of this.#take(clientId, timestamp)) waiter.resolve(outcome);
  }

  /** Makes the error for those only who wait: mostly nobody does. */
  reject(clientId: bigint, timestamp: bigint, error: () => RequestError): void {
    for (const waiter of this.#take(clientId, timestamp)) waiter.reject(error());
  }

  rejectAll(error: () => RequestError): void {
    for (const ofClient of this.#byClient.values()) {
      for (const waiters of ofClient.values()) for (const waiter of waiters) waiter.reject(error());
    }
    this.#byClient.clear();
  }

  #take(clientId: bigint, timestamp: bigint): Iterable<Waiter> {
    const waiters = this.#byClient.get(clientId)?.get(timestamp);
    if (waiters === undefined) return [];
    this.#forget(clientId, timestamp, waiters);
    return waiters;
  }

  #forget(clientId: bigint, timestamp: bigint, waiters: Set<Waiter>): void {
    const ofClient = this.#byClient.get(clientId);
    if (ofClient?.get(timestamp) !== waiters) return;
    ofClient.delete(timestamp);
    if (ofClient.size === 0) this.#byClient.delete(clientId);
  }
}
