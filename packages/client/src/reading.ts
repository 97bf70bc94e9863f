// One read's way to its answer: any server may answer, and one that got no answer is simply asked for again.
import { RequestError, type ClientTransport } from "@paxos/core";
import type { QueryRequest, QueryResponse } from "@paxos/proto";
import { requestErrorOf } from "./asking.js";
import type { ClientEnvironment } from "./environment.js";
import type { Standing } from "./line.js";
import { FIRST_ATTEMPT_MS, Patience } from "./patience.js";
import type { Server, Servers } from "./servers.js";

/** What all reads share. */
export interface ReadingParts {
  readonly transport: ClientTransport;
  readonly servers: Servers;
  readonly environment: ClientEnvironment;
}

/** What is asked, until when, and who is told. */
export interface ReadingTask {
  readonly request: QueryRequest;
  /** The only server to ask; undefined: any. */
  readonly server: Server | undefined;
  /** When to give up; Infinity for never. */
  readonly deadline: number;
  readonly timeoutMs: number;
  /** Called once, unless the read was stopped before. */
  readonly onEnd: (reading: Reading, end: QueryResponse | RequestError) => void;
}

interface Attempt {
  readonly server: Server;
  readonly since: number;
  readonly controller: AbortController;
}

/** A read that was asked for and is not settled. Stands in line, then asks one server after the other. */
export class Reading implements Standing<Reading> {
  ahead: Reading | undefined;
  behind: Reading | undefined;
  /** Whether it stands in line no more. */
  started = false;
  #current: Attempt | undefined;
  #tried: Set<Server> | undefined;
  #patience: Patience | undefined;
  #trouble = "no server was asked";
  #cancelTimer: (() => void) | undefined;
  #over = false;

  constructor(
    private readonly parts: ReadingParts,
    private readonly task: ReadingTask,
  ) {}

  /** Its time runs while it stands in line, too. */
  timeInLine(): void {
    this.#trouble = "it was not its turn";
    this.#wait(Infinity, () => undefined);
  }

  /** It is its turn. */
  start(): void {
    this.started = true;
    this.#next();
  }

  /** Ends it without a word. */
  stop(): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#current?.controller.abort();
  }

  #next(): void {
    const { server: only } = this.task;
    const tried = this.#tried;
    const server = only === undefined ? this.parts.servers.pick(tried) : tried?.has(only) ? undefined : only;
    if (server === undefined) {
      tried?.clear();
      return this.#wait(this.#patienceNow().nextPauseMs(), () => this.#next());
    }
    this.#attempt(server);
  }

  #attempt(server: Server): void {
    const { environment, transport } = this.parts;
    const attempt: Attempt = { server, since: environment.now(), controller: new AbortController() };
    this.#current = attempt;
    this.#wait(this.#patience?.attemptMs ?? FIRST_ATTEMPT_MS, () => this.#onNoAnswer(attempt));
    const onError = (error: unknown): void => this.#onError(attempt, requestErrorOf(error));
    try {
      transport
        .query(server.address, this.task.request, attempt.controller.signal)
        .then((answer) => this.#onAnswer(attempt, answer), onError);
    } catch (error) {
      // Not at once: who began this is not ready for its end.
      queueMicrotask(() => onError(error));
    }
  }

  #onAnswer(attempt: Attempt, answer: QueryResponse): void {
    if (this.task.server === undefined) this.parts.servers.answered(attempt.server);
    if (!this.#over && this.#current === attempt) this.#end(answer);
  }

  #onError(attempt: Attempt, error: RequestError): void {
    if (this.#over || this.#current !== attempt) return;
    if (error.code === "invalid" || error.code === "too_large") return this.#end(error);
    // A transport that gives up unasked has not reached the server in time.
    const silent = error.code === "timed_out" || error.code === "cancelled";
    this.#onFailure(attempt, {
      what: silent ? this.#silenceOf(attempt) : error.message,
      silent,
      busy: error.code === "busy",
    });
  }

  #onNoAnswer(attempt: Attempt): void {
    const what = this.#silenceOf(attempt);
    attempt.controller.abort(new DOMException(what, "TimeoutError"));
    this.#onFailure(attempt, { what, silent: true, busy: false });
  }

  #onFailure(
    { server, since }: Attempt,
    { what, silent, busy }: { readonly what: string; readonly silent: boolean; readonly busy: boolean },
  ): void {
    this.#current = undefined;
    this.#trouble = `server ${server.address}: ${what}`;
    (this.#tried ??= new Set()).add(server);
    if (silent) this.#patienceNow().noAnswer();
    // Too short a time is no sign of a failure.
    const tooShort = silent && this.parts.environment.now() - since < FIRST_ATTEMPT_MS;
    if (this.task.server === undefined && !busy && !tooShort) this.parts.servers.failed(server, since, what);
    this.#next();
  }

  #silenceOf({ since }: Attempt): string {
    return `no answer within ${Math.round((this.parts.environment.now() - since) / 100) / 10} s`;
  }

  #patienceNow(): Patience {
    return (this.#patience ??= new Patience(this.parts.environment));
  }

  /** There is one timer at a time: what comes first of this and the deadline. */
  #wait(ms: number, then: () => void): void {
    const { environment } = this.parts;
    const left = this.task.deadline - environment.now();
    this.#cancelTimer?.();
    this.#cancelTimer =
      left <= ms
        ? left === Infinity
          ? undefined
          : environment.after(Math.max(0, left), () => this.#onDeadline())
        : environment.after(ms, then);
  }

  #onDeadline(): void {
    const attempt = this.#current;
    if (attempt !== undefined) {
      const what = this.#silenceOf(attempt);
      this.#trouble = `server ${attempt.server.address}: ${what}`;
      attempt.controller.abort(new DOMException(what, "TimeoutError"));
      const { environment, servers } = this.parts;
      if (this.task.server === undefined && environment.now() - attempt.since >= FIRST_ATTEMPT_MS)
        servers.failed(attempt.server, attempt.since, what);
    }
    const why = `the read was not answered within ${this.task.timeoutMs / 1000} s; last, ${this.#trouble}`;
    this.#end(new RequestError("timed_out", why));
  }

  #end(end: QueryResponse | RequestError): void {
    this.#over = true;
    this.#current = undefined;
    this.#cancelTimer?.();
    this.task.onEnd(this, end);
  }
}
