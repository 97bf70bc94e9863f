import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { Consistency, QueryRequestSchema, type QueryRequest } from "@paxos/proto";
import type { AttemptGroup } from "./attempt-groups.js";
import type { Standing } from "./line.js";
import type { Patience } from "./patience.js";
import type { Server } from "./servers.js";

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

/** One server that is being asked. */
export interface ReadAttempt {
  readonly server: Server;
  readonly since: number;
  readonly group: AttemptGroup;
  /** The transport does not hear its signal. */
  readonly onDeaf: () => void;
}

/** A read that was asked for and is not settled. */
export class Reading implements Standing<Reading> {
  ahead: Reading | undefined;
  behind: Reading | undefined;
  readonly request: QueryRequest;
  /** The only server to be asked; undefined when any may be. */
  readonly server: Server | undefined;
  readonly signal: AbortSignal | undefined;
  /** What listens to the signal. */
  onAbort: (() => void) | undefined;
  /** Whether it was its turn. */
  started = false;
  attempt: ReadAttempt | undefined;
  /** While it stands in line, or pauses. */
  cancelTimer: (() => void) | undefined;
  /** Once something has gone wrong. */
  tried: Set<Server> | undefined;
  patience: Patience | undefined;
  /** The last thing that went wrong. */
  trouble = "no server was asked";

  constructor(
    query: Uint8Array,
    { consistency, server, signal }: ReadOptions,
    readonly timeoutMs: number,
    /** In the time of the environment. */
    readonly deadline: number,
    readonly resolve: (answer: ReadAnswer) => void,
    readonly reject: (error: RequestError) => void,
  ) {
    this.request = create(QueryRequestSchema, {
      query,
      consistency: consistency === "local" ? Consistency.LOCAL : Consistency.UNSPECIFIED,
    });
    this.server = server === undefined ? undefined : { address: server };
    this.signal = signal;
  }

  tooLate(): RequestError {
    return new RequestError(
      "timed_out",
      `the read was not answered within ${this.timeoutMs / 1000} s; last, ${this.trouble}`,
    );
  }
}

export function readCancelled(signal?: AbortSignal): RequestError {
  return new RequestError("cancelled", "the read was cancelled", { cause: signal?.reason });
}
