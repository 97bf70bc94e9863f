import type { StateMachine } from "@paxos/core";
import type { Random } from "./random.js";

/** What one client asked for, and what it was told. */
export interface Operation {
  /** The client: one at a time is under way for each, unless it gave one up. */
  readonly client: number;
  /** What the workload had it send: an update, or what it asked. */
  readonly update: Uint8Array;
  /** Whether it was a read: `update` is the query, and nothing was to be changed. Reads without an answer are in no history. */
  readonly query?: true;
  /**
   * The answer. Undefined when there was none: it may have been executed, then or later, or never. Operations
   * that were rejected for certain are in no history.
   */
  readonly result: Uint8Array | undefined;
  /** Virtual time at which it was sent first, in microseconds. */
  readonly start: number;
  /** Virtual time of the answer, in microseconds; Infinity when there was none. */
  readonly end: number;
}

/** What clients do. */
export interface Workload {
  /** The greatest size of its updates in bytes. If it is known, profiles try small bounds. */
  readonly maxUpdateBytes?: number;
  /**
   * The next update that a client sends.
   * @param random where all randomness comes from; each client has its own for the whole run.
   * @param client the client's index.
   * @param nowMs virtual time, in milliseconds since the start of the run.
   */
  next(random: Random, client: number, nowMs: number): Uint8Array;
  /**
   * The next query that a client sends, one of those that only read, to be answered by the state machine's `query`. Reads are
   * linearizable. Absent: nothing is asked, but how far the answering node had come is checked all the same.
   */
  nextQuery?(random: Random, client: number, nowMs: number): Uint8Array;
  /**
   * Judges the history of the whole run, at its end. Undefined when all is well, else what is wrong. May say
   * that it could not decide.
   */
  check?(history: readonly Operation[]): string | undefined | { readonly undecided: number };
}

/** A state machine under test. */
export interface SimulatedStateMachine extends StateMachine {
  /**
   * A digest of the state, compared among nodes that have applied the same updates. Without it, the answers
   * alone are compared. Called after every update: let it cost little.
   */
  digest?(): string | number | bigint;
}
