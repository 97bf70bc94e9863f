// Reads: what is asked of the state machine, and when it may be.
import { RequestError, type Logger, type Node, type StateMachine } from "@paxos/core";
import { beingReplaced, closing, learnsNothing, readCancelled, removed, tooManyReads } from "./refusals.js";

/** What a read gets. */
export interface ReadOutcome<T> {
  /** What the state machine was seen to be. */
  readonly result: T;
  /** The seq that was applied last then: it includes every update up to there, and none after. */
  readonly seq: number;
}

/** How the state is read. */
export interface ReadOptions {
  /**
   * Linearizable (default): with every update that was answered to anybody, anywhere, before the call; costs a round trip or two, and no
   * save. Local: as this node has it, which may be behind.
   */
  readonly consistency?: "linearizable" | "local";
  /** Gives up waiting, with a RequestError. While there is no leader, a linearizable read waits for ever. */
  readonly signal?: AbortSignal;
}

/** The most reads that wait. More are answered as busy. */
const maxWaitingReads = 65_536;

interface Waiting {
  readonly number: number;
  serve(): void;
  reject(error: RequestError): void;
}

/** The reads of this node that wait until they may be served. They are served within one turn, between updates. */
export class Queries {
  /** In the order of their numbers. */
  readonly #waiting = new Set<Waiting>();
  /** Whether the state is being replaced by a snapshot: there is nothing to look at. */
  restoring = false;

  constructor(
    private readonly parts: {
      readonly node: Node;
      readonly stateMachine: StateMachine;
      readonly logger: Logger;
      /** Gives the node an input; undefined when the driver has stopped. */
      input<T extends object>(input: () => T): T | undefined;
    },
  ) {}

  /** Looks at the state once it has every update that was answered to anybody before this call. Rejects with a {@link RequestError}. */
  async linearizable<T>(look: () => T, signal?: AbortSignal): Promise<ReadOutcome<T>> {
    if (signal?.aborted === true) throw readCancelled();
    if (this.#waiting.size >= maxWaitingReads) throw tooManyReads(maxWaitingReads);
    const { node } = this.parts;
    const result = this.parts.input(() => node.read());
    if (result === undefined) throw closing();
    if (result.kind !== "queued") {
      throw result.kind === "removed" ? removed() : learnsNothing();
    }
    return this.#wait(result.number, look, signal);
  }

  /** Looks at the state as it stands. */
  async local<T>(look: () => T): Promise<ReadOutcome<T>> {
    if (this.restoring) throw beingReplaced();
    return { seq: this.parts.node.appliedSeq, result: look() };
  }

  /** Asks the state machine. Throws a {@link RequestError}, or what the state machine throws. */
  ask(query: Uint8Array): Uint8Array {
    const { stateMachine, logger } = this.parts;
    if (stateMachine.query === undefined)
      throw new RequestError("invalid", "the state machine answers no queries");
    try {
      return stateMachine.query(query);
    } catch (error) {
      // By name: a state machine may bring a copy of the core of its own.
      if (error instanceof Error && error.name === "RequestError") {
        if (error instanceof RequestError) throw error;
        throw new RequestError((error as RequestError).code, error.message, { cause: error });
      }
      logger.error(`the state machine has failed at a query of ${query.length} bytes: ${String(error)}`);
      throw error;
    }
  }

  /** The reads up to this number may be served now. */
  serve(number: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.number > number) return;
      this.#waiting.delete(waiting);
      waiting.serve();
    }
  }

  /** This node was removed from the cluster: nothing is served any more. */
  checkRemoved(): void {
    if (this.#waiting.size > 0 && this.parts.node.removed) this.rejectAll(removed);
  }

  rejectAll(error: () => RequestError): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(error());
  }

  #wait<T>(number: number, look: () => T, signal: AbortSignal | undefined): Promise<ReadOutcome<T>> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        reject(readCancelled());
      };
      const done = (): void => signal?.removeEventListener("abort", onAbort);
      const waiting: Waiting = {
        number,
        serve: () => {
          done();
          resolve(this.local(look));
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
