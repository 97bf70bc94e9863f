// Reads: any server may answer, and a read that got no answer is simply asked for again.
import { RequestError, type ClientTransport } from "@paxos/core";
import type { QueryResponse } from "@paxos/proto";
import { requestErrorOf } from "./asking.js";
import { AttemptGroups } from "./attempt-groups.js";
import type { ClientEnvironment } from "./environment.js";
import { Line } from "./line.js";
import { timeoutProblem } from "./options.js";
import { FIRST_ATTEMPT_MS, Patience } from "./patience.js";
import { readCancelled, Reading, type ReadAnswer, type ReadAttempt, type ReadOptions } from "./reading.js";
import type { Server, Servers } from "./servers.js";
import { Signals } from "./signals.js";

/** The most that are on their way. More wait for their turn. */
const maxOnTheirWay = 1_000;

/** Has reads answered, many at the same time. */
export class Reader {
  readonly #line = new Line<Reading>();
  readonly #started = new Set<Reading>();
  readonly #signals = new Signals();
  readonly #groups: AttemptGroups;
  /** Whether the line is being gone through: what settles meanwhile need not do so again. */
  #starting = false;
  #closed = false;

  constructor(
    private readonly parts: {
      readonly transport: ClientTransport;
      readonly servers: Servers;
      readonly environment: ClientEnvironment;
      readonly timeoutMs: number;
      readonly maxWaiting: number;
    },
  ) {
    this.#groups = new AttemptGroups(parts.environment);
  }

  /** Settles at the deadline at the latest. Rejects with a {@link RequestError}. */
  read(query: Uint8Array, options: ReadOptions): Promise<ReadAnswer> {
    const { signal, timeoutMs = this.parts.timeoutMs } = options;
    const refusal = this.#refusalOf(timeoutMs, signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const now = this.parts.environment.now();
      const reading = new Reading(query, options, timeoutMs, now + timeoutMs, resolve, reject);
      if (signal !== undefined) this.#watch(reading, signal);
      if (this.#started.size < maxOnTheirWay) return this.#start(reading, now);
      this.#line.join(reading);
      if (reading.deadline === Infinity) return;
      reading.trouble = "it was not its turn";
      this.#wait(reading, timeoutMs, () => this.#fail(reading, reading.tooLate()));
    });
  }

  /** Settles all that are open. */
  close(): void {
    this.#closed = true;
    while (this.#line.first !== undefined) this.#fail(this.#line.first, readCancelled());
    for (const reading of this.#started) this.#cancel(reading);
  }

  #refusalOf(timeoutMs: number, signal: AbortSignal | undefined): RequestError | undefined {
    const wrong = timeoutProblem(timeoutMs);
    if (wrong !== undefined) return new RequestError("invalid", wrong);
    if (this.#closed || signal?.aborted === true) return readCancelled(signal);
    const { maxWaiting } = this.parts;
    if (this.#line.length < maxWaiting) return undefined;
    return new RequestError("busy", `${maxWaiting} reads are waiting already; try again later`);
  }

  #watch(reading: Reading, signal: AbortSignal): void {
    reading.onAbort = () => this.#cancel(reading);
    this.#signals.watch(signal, reading.onAbort);
  }

  #start(reading: Reading, now: number): void {
    reading.started = true;
    this.#started.add(reading);
    this.#next(reading, now);
  }

  /** Asks the next server, or pauses when all have been asked. */
  #next(reading: Reading, now: number): void {
    const { servers } = this.parts;
    const left = reading.deadline - now;
    if (left <= 0) return this.#fail(reading, reading.tooLate());
    const server = reading.server ?? servers.pick(reading.tried);
    if (server !== undefined && reading.tried?.has(server) !== true)
      return this.#attempt(reading, server, left, now);
    reading.tried?.clear();
    this.#wait(reading, Math.min(left, this.#patienceOf(reading).nextPauseMs()), () =>
      this.#next(reading, this.parts.environment.now()),
    );
  }

  #attempt(reading: Reading, server: Server, left: number, now: number): void {
    const attemptMs = reading.patience?.attemptMs ?? FIRST_ATTEMPT_MS;
    const group = this.#groups.groupFor(reading.signal, attemptMs, left, now);
    const onDeaf = (): void => onError(new RequestError("timed_out", "no answer in time"));
    const attempt: ReadAttempt = { server, since: now, group, onDeaf };
    const onError = (error: unknown): void => this.#onError(reading, attempt, requestErrorOf(error));
    reading.attempt = attempt;
    group.join(onDeaf, now);
    try {
      this.parts.transport
        .query(server.address, reading.request, group.signal)
        .then((answer) => this.#onAnswer(reading, attempt, answer), onError);
    } catch (error) {
      // Not at once: who began this is not ready for its end.
      queueMicrotask(() => onError(error));
    }
  }

  #onAnswer(reading: Reading, attempt: ReadAttempt, { seq, result }: QueryResponse): void {
    if (!this.#isOver(reading, attempt)) return;
    if (reading.server === undefined) this.parts.servers.answered(attempt.server);
    this.#leave(reading);
    reading.resolve({ result, seq: Number(seq) });
    this.#startWaiting();
  }

  #onError(reading: Reading, attempt: ReadAttempt, error: RequestError): void {
    if (!this.#isOver(reading, attempt)) return;
    const { server, since } = attempt;
    const { code } = error;
    if (code === "invalid" || code === "too_large") return this.#fail(reading, error);
    // A transport that gives up unasked has not reached the server in time.
    const silent = code === "timed_out" || code === "cancelled";
    const now = this.parts.environment.now();
    const tookMs = now - since;
    const what = silent ? `no answer within ${Math.round(tookMs / 100) / 10} s` : error.message;
    reading.trouble = `server ${server.address}: ${what}`;
    (reading.tried ??= new Set()).add(server);
    if (silent) this.#patienceOf(reading).noAnswer();
    // Too short a time is no sign of a failure, and a busy server has answered.
    const hasFailed = code !== "busy" && !(silent && tookMs < FIRST_ATTEMPT_MS);
    if (hasFailed && reading.server === undefined) this.parts.servers.failed(server, since, what);
    this.#next(reading, now);
  }

  /** Ends an attempt; false when it was given up before. */
  #isOver(reading: Reading, attempt: ReadAttempt): boolean {
    if (reading.attempt !== attempt) return false;
    reading.attempt = undefined;
    attempt.group.leave(attempt.onDeaf);
    return true;
  }

  #patienceOf(reading: Reading): Patience {
    return (reading.patience ??= new Patience(this.parts.environment));
  }

  #wait(reading: Reading, ms: number, then: () => void): void {
    reading.cancelTimer = this.parts.environment.after(ms, () => {
      reading.cancelTimer = undefined;
      then();
    });
  }

  /** Its caller, and with it all that share its attempt, or the client has given up. */
  #cancel(reading: Reading): void {
    const { attempt, signal } = reading;
    this.#fail(reading, readCancelled(signal));
    attempt?.group.abort(signal?.reason);
  }

  #fail(reading: Reading, error: RequestError): void {
    this.#leave(reading);
    reading.reject(error);
    this.#startWaiting();
  }

  /** Leaves nothing of it behind. */
  #leave(reading: Reading): void {
    const { signal, onAbort, attempt } = reading;
    if (signal !== undefined && onAbort !== undefined) this.#signals.unwatch(signal, onAbort);
    reading.cancelTimer?.();
    reading.cancelTimer = undefined;
    if (attempt !== undefined) this.#isOver(reading, attempt);
    if (reading.started) this.#started.delete(reading);
    else this.#line.leave(reading);
  }

  #startWaiting(): void {
    if (this.#starting) return;
    this.#starting = true;
    for (let next = this.#line.first; next !== undefined && !this.#closed; next = this.#line.first) {
      if (this.#started.size >= maxOnTheirWay) break;
      if (next.signal?.aborted === true) {
        this.#cancel(next);
        continue;
      }
      this.#line.leave(next);
      next.cancelTimer?.();
      next.cancelTimer = undefined;
      this.#start(next, this.parts.environment.now());
    }
    this.#starting = false;
  }
}
