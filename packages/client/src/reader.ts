// Reads: any server may answer, and a read that got no answer is simply asked for again.
import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport } from "@paxos/core";
import { Consistency, QueryRequestSchema, type QueryRequest, type QueryResponse } from "@paxos/proto";
import { ask } from "./asking.js";
import type { ClientEnvironment } from "./environment.js";
import { timeoutProblem } from "./options.js";
import { FIRST_ATTEMPT_MS, Patience } from "./patience.js";
import { pause } from "./pause.js";
import type { Server, Servers } from "./servers.js";

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

/** A read that was asked for. */
interface Reading {
  readonly request: QueryRequest;
  readonly server: Server | undefined;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export class Reader {
  #onTheirWay = 0;
  /** Told when it is their turn. */
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly parts: {
      readonly transport: ClientTransport;
      readonly servers: Servers;
      readonly environment: ClientEnvironment;
      readonly timeoutMs: number;
      readonly maxWaiting: number;
    },
  ) {}

  /** Rejects with a {@link RequestError}. `signal` is the caller's and the client's own. */
  async read(
    query: Uint8Array,
    { consistency = "linearizable", server, timeoutMs = this.parts.timeoutMs }: ReadOptions,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const wrong = timeoutProblem(timeoutMs);
    if (wrong !== undefined) throw new RequestError("invalid", wrong);
    const { environment } = this.parts;
    const reading: Reading = {
      request: create(QueryRequestSchema, {
        query,
        consistency: consistency === "local" ? Consistency.LOCAL : Consistency.UNSPECIFIED,
      }),
      server: server === undefined ? undefined : { address: server },
      deadline: environment.now() + timeoutMs,
      timeoutMs,
      signal,
    };
    await this.#turn(reading);
    try {
      const { result, seq } = await this.#ask(reading);
      return { result, seq: Number(seq) };
    } finally {
      this.#onTheirWay--;
      this.#next();
    }
  }

  async #ask(reading: Reading): Promise<QueryResponse> {
    const { environment, servers } = this.parts;
    const { signal } = reading;
    const tried = new Set<Server>();
    const patience = new Patience(environment);
    let trouble = "no server was asked";
    for (;;) {
      if (signal.aborted) throw cancelled(signal);
      const left = reading.deadline - environment.now();
      if (left <= 0) throw tooLate(reading.timeoutMs, trouble);
      const server = this.#pick(reading, tried);
      if (server === undefined) {
        tried.clear();
        await pause(environment, Math.min(left, patience.nextPauseMs()), signal);
        continue;
      }
      const since = environment.now();
      const asked = await this.#attempt(reading, server, Math.min(left, patience.attemptMs));
      if ("answer" in asked) {
        if (reading.server === undefined) servers.answered(server);
        return asked.answer;
      }
      if (signal.aborted) throw cancelled(signal);
      const { error } = asked;
      if (error.code === "invalid" || error.code === "too_large") throw error;
      // A transport that gives up unasked has not reached the server in time.
      const silent = error.code === "timed_out" || error.code === "cancelled";
      const tookMs = environment.now() - since;
      const what = silent ? `no answer within ${Math.round(tookMs / 100) / 10} s` : error.message;
      trouble = `server ${server.address}: ${what}`;
      tried.add(server);
      if (error.code === "busy") continue;
      if (silent) patience.noAnswer();
      // Too short a time is no sign of a failure.
      const tooShort = silent && tookMs < FIRST_ATTEMPT_MS;
      if (reading.server === undefined && !tooShort) servers.failed(server, since, what);
    }
  }

  #pick({ server }: Reading, tried: ReadonlySet<Server>): Server | undefined {
    if (server === undefined) return this.parts.servers.pick(tried);
    return tried.has(server) ? undefined : server;
  }

  async #attempt({ request, signal }: Reading, { address }: Server, withinMs: number) {
    const { environment, transport } = this.parts;
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", onAbort);
    try {
      const call = (to: string, own: AbortSignal) => transport.query(to, request, own);
      return await ask(environment, address, controller, call, withinMs);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Resolves when it may be sent, in the order of the calls. */
  async #turn({ signal, deadline, timeoutMs }: Reading): Promise<void> {
    const { environment, maxWaiting } = this.parts;
    if (signal.aborted) throw cancelled(signal);
    if (this.#onTheirWay < maxOnTheirWay) return void this.#onTheirWay++;
    if (this.#waiting.size >= maxWaiting)
      throw new RequestError("busy", `${maxWaiting} reads are waiting already; try again later`);
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(go);
        signal.removeEventListener("abort", onAbort);
        cancelTimer();
      };
      const go = (): void => {
        leave();
        this.#onTheirWay++;
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(cancelled(signal));
      };
      const cancelTimer =
        deadline === Infinity
          ? () => undefined
          : environment.after(deadline - environment.now(), () => {
              leave();
              reject(tooLate(timeoutMs, "it was not its turn"));
            });
      this.#waiting.add(go);
      signal.addEventListener("abort", onAbort);
    });
  }

  #next(): void {
    const [go] = this.#waiting;
    if (this.#onTheirWay < maxOnTheirWay) go?.();
  }
}

function tooLate(timeoutMs: number, trouble: string): RequestError {
  return new RequestError(
    "timed_out",
    `the read was not answered within ${timeoutMs / 1000} s; last, ${trouble}`,
  );
}

function cancelled({ reason }: AbortSignal): RequestError {
  return new RequestError("cancelled", "the read was cancelled", { cause: reason });
}
