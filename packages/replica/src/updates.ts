// Updates of this node's clients, from when they are handed in until their callers have been told.
import type {
  Execution,
  ProposeResult,
  RequestError,
  Sessions,
  UpdateCaller,
  UpdateRequest,
} from "@paxos/core";
import { cancelled, closing, expired, refused, removed } from "./refusals.js";
import { Waiters } from "./waiters.js";

/** What is asked. */
export interface UpdatesParts {
  /** Has the node take it; undefined when it has stopped. Throws a {@link RequestError}. */
  propose(request: UpdateRequest): ProposeResult | undefined;
  /** Which updates have been executed. */
  sessions(): Sessions;
  /** Why nothing is taken; undefined when it is. */
  refusal(): RequestError | undefined;
}

export class Updates {
  readonly #waiters: Waiters;

  /** @param seed not known to clients. */
  constructor(
    seed: number,
    private readonly parts: UpdatesParts,
  ) {
    this.#waiters = new Waiters(seed);
  }

  /** Takes an update; its caller is told when it is executed here, or why it will not be, maybe before this returns. */
  take(request: UpdateRequest, caller: UpdateCaller): void {
    const { clientId, timestamp } = request;
    const refusal = this.parts.refusal();
    if (refusal !== undefined) return caller.onFailed(refusal);
    const known = this.parts.sessions().find(request);
    if (known?.kind === "duplicate") return caller.onOrdered(known.seq, known.result, true);
    if (known?.kind === "expired") return caller.onFailed(expired(clientId, timestamp));
    let result: ProposeResult | undefined;
    try {
      result = this.parts.propose(request);
    } catch (error) {
      return caller.onFailed(error);
    }
    switch (result) {
      case "queued":
        return this.#waiters.add(clientId, timestamp, caller);
      case undefined:
        return caller.onFailed(closing());
      case "removed":
        return caller.onFailed(removed());
      case "busy":
      case "too_large":
        return caller.onFailed(refused(result));
    }
  }

  /** This caller waits for its update no more. */
  leave({ clientId, timestamp }: Pick<UpdateRequest, "clientId" | "timestamp">, caller: UpdateCaller): void {
    if (this.#waiters.leave(clientId, timestamp, caller)) caller.onFailed(cancelled());
  }

  /** An update has been ordered, and this came of it. */
  tell(clientId: bigint, timestamp: bigint, execution: Execution): void {
    if (execution.kind === "expired")
      return this.#waiters.fail(clientId, timestamp, () => expired(clientId, timestamp));
    const { seq, result, kind } = execution;
    this.#waiters.ordered(clientId, timestamp, seq, result, kind === "duplicate");
  }

  /** An update will not be ordered, or not be known to be. */
  fail(clientId: bigint, timestamp: bigint, error: () => RequestError): void {
    this.#waiters.fail(clientId, timestamp, error);
  }

  /** The same for all of them. */
  failAll(error: () => RequestError): void {
    this.#waiters.failAll(error);
  }
}
