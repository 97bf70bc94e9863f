// Reads from their call to their settlement: their line, and what is told the caller.
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { Consistency, QueryRequestSchema } from "@paxos/proto";
import { Line } from "./line.js";
import { timeoutProblem } from "./options.js";
import { Reading, type ReadingParts } from "./reading.js";
import { Signals } from "./signals.js";

/** How the state machine is asked. */
export interface ReadOptions {
  /**
   * Linearizable (default): the answer includes every update that was answered to anybody before the call. Local: what the server that
   * answers has applied; it may be behind, and behind what another server has answered before.
   */
  readonly consistency?: "linearizable" | "local";
  /** The server to ask, one of those of `connect`, or of a member learnt since. Default: the leader if it is known, else any. */
  readonly server?: string;
  /** How long it may take, in milliseconds: as the option of `connect`, whose value is the default. */
  readonly timeoutMs?: number;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
}

/** What the state machine answered. */
export interface ReadAnswer {
  readonly result: Uint8Array;
  /** The answer includes every update up to this seq, and none after. */
  readonly seq: number;
}

/** The most that are on their way. More wait for their turn. */
const maxOnTheirWay = 1_000;

/** How a read that is not settled is given up. */
interface Open {
  readonly reject: (error: RequestError) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

export class Reader {
  readonly #parts: ReadingParts;
  readonly #limits: { readonly timeoutMs: number; readonly maxWaiting: number };
  readonly #signals = new Signals();
  readonly #line = new Line<Reading>();
  /** Those that are not settled. */
  readonly #open = new Map<Reading, Open>();
  #closed = false;

  constructor(parts: ReadingParts, limits: { readonly timeoutMs: number; readonly maxWaiting: number }) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /** Settles at the deadline at the latest. Rejects with a {@link RequestError}. */
  read(query: Uint8Array, options: ReadOptions): Promise<ReadAnswer> {
    const { consistency, server, timeoutMs = this.#limits.timeoutMs, signal } = options;
    const refusal = this.#refusalOf(timeoutMs, signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const reading = new Reading(this.#parts, {
        request: create(QueryRequestSchema, {
          query,
          consistency: consistency === "local" ? Consistency.LOCAL : Consistency.UNSPECIFIED,
        }),
        server: server === undefined ? undefined : { address: server },
        deadline: this.#parts.environment.now() + timeoutMs,
        timeoutMs,
        onEnd: (ended, end) => {
          this.#leave(ended);
          if (end instanceof RequestError) reject(end);
          else resolve({ result: end.result, seq: Number(end.seq) });
          this.#startNext();
        },
      });
      const onAbort = (): void => this.#giveUp(reading);
      if (signal !== undefined) this.#signals.watch(signal, onAbort);
      this.#open.set(reading, { reject, signal, onAbort });
      if (this.#onTheirWay <= maxOnTheirWay) return reading.start();
      this.#line.join(reading);
      reading.timeInLine();
    });
  }

  /** Settles all that are open. */
  close(): void {
    this.#closed = true;
    for (const reading of this.#open.keys()) this.#giveUp(reading);
  }

  get #onTheirWay(): number {
    return this.#open.size - this.#line.length;
  }

  #refusalOf(timeoutMs: number, signal: AbortSignal | undefined): RequestError | undefined {
    const wrong = timeoutProblem(timeoutMs);
    if (wrong !== undefined) return new RequestError("invalid", wrong);
    if (this.#closed || signal?.aborted === true) return cancelled(signal);
    const { maxWaiting } = this.#limits;
    if (this.#line.length < maxWaiting) return undefined;
    return new RequestError("busy", `${maxWaiting} reads are waiting already; try again later`);
  }

  #giveUp(reading: Reading): void {
    const open = this.#open.get(reading);
    reading.stop();
    this.#leave(reading);
    open?.reject(cancelled(open.signal));
    this.#startNext();
  }

  /** Leaves nothing of it behind. */
  #leave(reading: Reading): void {
    const { signal, onAbort } = this.#open.get(reading) ?? {};
    if (signal !== undefined && onAbort !== undefined) this.#signals.unwatch(signal, onAbort);
    this.#open.delete(reading);
    if (!reading.started) this.#line.leave(reading);
  }

  /** One has left: the next one may go. */
  #startNext(): void {
    const { first } = this.#line;
    if (first === undefined || this.#closed || this.#onTheirWay >= maxOnTheirWay) return;
    // Its signal has been aborted, and is about to say so.
    if (this.#open.get(first)?.signal?.aborted === true) return;
    this.#line.leave(first);
    first.start();
  }
}

function cancelled(signal?: AbortSignal): RequestError {
  return new RequestError("cancelled", "the read was cancelled", { cause: signal?.reason });
}
