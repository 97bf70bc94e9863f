import { UpdateTable, type RequestError, type UpdateCaller } from "@paxos/core";

/** An update, and who waits for it. */
interface Waiting {
  readonly clientId: bigint;
  readonly timestamp: bigint;
  /** Mostly there is one; more, when a client has tried again. */
  readonly first: UpdateCaller;
  others: UpdateCaller[] | undefined;
}

/** Who waits for which update. Several may wait for the same one. Nobody is told twice. */
export class Waiters {
  readonly #waiting: UpdateTable<Waiting>;

  /** @param seed not known to clients. */
  constructor(seed: number) {
    this.#waiting = new UpdateTable(seed);
  }

  /** From now on this caller waits for the update. */
  add(clientId: bigint, timestamp: bigint, caller: UpdateCaller): void {
    const known = this.#waiting.get(clientId, timestamp);
    if (known === undefined) this.#waiting.add({ clientId, timestamp, first: caller, others: undefined });
    else (known.others ??= []).push(caller);
  }

  /** This caller waits no more. Says whether it did. */
  leave(clientId: bigint, timestamp: bigint, caller: UpdateCaller): boolean {
    const known = this.#waiting.remove(clientId, timestamp);
    if (known === undefined) return false;
    const callers = callersOf(known);
    const [first, ...others] = callers.filter((other) => other !== caller);
    if (first !== undefined) this.#waiting.add({ clientId, timestamp, first, others });
    return others.length + (first === undefined ? 0 : 1) < callers.length;
  }

  ordered(clientId: bigint, timestamp: bigint, seq: number, result: Uint8Array, duplicate: boolean): void {
    const waiting = this.#waiting.remove(clientId, timestamp);
    if (waiting === undefined) return;
    waiting.first.onOrdered(seq, result, duplicate);
    if (waiting.others === undefined) return;
    for (const caller of waiting.others) caller.onOrdered(seq, result, duplicate);
  }

  /** Makes the error for those only who wait: mostly nobody does. */
  fail(clientId: bigint, timestamp: bigint, error: () => RequestError): void {
    const waiting = this.#waiting.remove(clientId, timestamp);
    if (waiting !== undefined) for (const caller of callersOf(waiting)) caller.onFailed(error());
  }

  failAll(error: () => RequestError): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const waiting of all) for (const caller of callersOf(waiting)) caller.onFailed(error());
  }
}

function callersOf({ first, others = [] }: Waiting): readonly UpdateCaller[] {
  return [first, ...others];
}
