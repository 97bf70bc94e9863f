// One update's way to its seq: one attempt after another, all under the same (client id, timestamp), so that it is
// executed at most once.
import { RequestError, type ClientTransport, type Logger, type RequestErrorCode } from "@paxos/core";
import type { ClientUpdate } from "@paxos/proto";
import { Attempt, type Answer } from "./attempt.js";
import type { ClientEnvironment } from "./environment.js";
import { FIRST_ATTEMPT_MS, Patience } from "./patience.js";
import type { Server, Servers } from "./servers.js";
import { SharedTimers } from "./shared-timers.js";

/** What all deliveries share. */
export interface DeliveryParts {
  readonly transport: ClientTransport;
  readonly servers: Servers;
  readonly environment: ClientEnvironment;
  /** For attempts that take as long as the first one may. */
  readonly timers: SharedTimers;
  readonly logger: Logger;
}

/** The last thing that went wrong. */
export interface Trouble {
  readonly code: "busy" | "unavailable" | "timed_out";
  readonly reason: string;
  readonly cause?: RequestError;
}

/** How a delivery ended. */
export type DeliveryEnd =
  | { readonly kind: "answered"; readonly seq: number; readonly result: Uint8Array }
  /** Trying again is of no use. */
  | {
      readonly kind: "refused";
      readonly code: "too_large" | "invalid" | "expired";
      readonly reason: string;
      readonly cause: RequestError;
    }
  | { readonly kind: "too_late" };

/** What is delivered. */
export interface Parcel {
  /** For the log; while it is being delivered. */
  readonly name: string;
  /** When to give up; Infinity for never. */
  readonly deadline: number;
  /** The update as it is to be sent now. */
  compose(): ClientUpdate;
  /** Called once, unless the delivery was stopped before. */
  onEnd(end: DeliveryEnd): void;
}

/** Sends an update until it is answered, refused for good, too late, or stopped. */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #parcel: Parcel;
  #attempts = 0;
  /** Some attempt has ended without an answer: what became of it is not known. */
  #uncertain = false;
  #current: Attempt | undefined;
  #tried: Set<Server> | undefined;
  #asked: Server | undefined;
  readonly #patience: Patience;
  #trouble: Trouble | undefined;
  #cancelTimer: (() => void) | undefined;
  #over = false;

  constructor(parts: DeliveryParts, parcel: Parcel) {
    this.#parts = parts;
    this.#parcel = parcel;
    this.#patience = new Patience(parts.environment);
  }

  /** How often the update was sent. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Whether the update may have been executed, or may yet be: every attempt was refused by its server otherwise. */
  get mayBeExecuted(): boolean {
    return this.#uncertain || this.#current !== undefined;
  }

  /** The last thing that went wrong; undefined when nothing has. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Begins, after `delayMs` if that is not 0. Called once. */
  start(delayMs = 0): void {
    if (delayMs > 0) this.#wait(delayMs, () => this.#next());
    else this.#next();
  }

  /** Ends it without a word. What was sent may still be executed. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer?.();
    this.#current?.abandon();
  }

  #next(): void {
    const { servers } = this.#parts;
    const server = servers.pick(this.#tried, this.#asked);
    if (server === undefined) return this.#pause();
    this.#attempt(server);
  }

  #attempt(server: Server): void {
    const { transport, environment, logger } = this.#parts;
    const attempt = new Attempt(server, environment.now(), this);
    this.#attempts++;
    this.#current = attempt;
    this.#asked = undefined;
    if (logger.verbose)
      logger.debug(`${this.#parcel.name}: attempt ${this.#attempts}, to server ${server.address}`);
    this.#awaitAnswer(attempt);
    attempt.begin(transport, this.#parcel);
  }

  /** Also when that attempt had been given up: it is the same update. */
  onAnswer(attempt: Attempt, { seq, result, leader, duplicate }: Answer): void {
    const { servers, logger } = this.#parts;
    if (seq < 1) return this.onError(attempt, new RequestError("unavailable", "it answered without a seq"));
    servers.answered(attempt.server, leader === undefined ? undefined : BigInt(leader));
    if (this.#over) return;
    if (logger.verbose)
      logger.debug(`${this.#parcel.name}: ordered as seq ${seq}${duplicate ? ", by another attempt" : ""}`);
    const current = this.#current;
    this.#current = undefined;
    // An attempt that is given up and another one that is under way need not both be waited for.
    if (current !== attempt) current?.abandon();
    this.#end({ kind: "answered", seq, result });
  }

  onError(attempt: Attempt, error: RequestError): void {
    if (this.#over || this.#current !== attempt) return;
    this.#current = undefined;
    this.#cancelTimer?.();
    const { servers, logger } = this.#parts;
    const { address } = attempt.server;
    const { code } = error;
    if (logger.verbose) logger.debug(`${this.#parcel.name}: server ${address}: ${code}: ${error.message}`);
    const reason = `server ${address}: ${error.message}`;
    switch (code) {
      case "too_large":
      case "invalid":
      case "expired":
        servers.answered(attempt.server);
        return this.#end({ kind: "refused", code, reason, cause: error });
      case "busy":
        servers.answered(attempt.server);
        this.#trouble = { code, reason, cause: error };
        this.#asked = attempt.server;
        return this.#pause();
      // Of updates no server says that it does not lead, or that it refuses them.
      case "not_leader":
      case "refused":
      case "unavailable":
      case "timed_out":
      case "cancelled":
        return this.#onFailure(attempt, error.message, {
          code: kindOfFailure(code),
          reason,
          cause: error,
        });
    }
  }

  #onNoAnswer(attempt: Attempt): void {
    const ms = Math.round(this.#parts.environment.now() - attempt.since);
    const what = `no answer within ${ms / 1000} s`;
    this.#current = undefined;
    attempt.abandon(new DOMException(what, "TimeoutError"));
    this.#patience.noAnswer();
    this.#onFailure(attempt, what, {
      code: "timed_out",
      reason: `server ${attempt.server.address}: ${what}`,
    });
  }

  #onFailure({ server, since }: Attempt, what: string, trouble: Trouble): void {
    this.#uncertain = true;
    this.#trouble = trouble;
    (this.#tried ??= new Set()).add(server);
    this.#parts.servers.failed(server, since, what);
    this.#next();
  }

  /** Nearly all are answered long before: most attempts share a timer. */
  #awaitAnswer(attempt: Attempt): void {
    const { environment, timers } = this.#parts;
    const { attemptMs } = this.#patience;
    const onNoAnswer = (): void => this.#onNoAnswer(attempt);
    const left = this.#parcel.deadline - environment.now();
    if (attemptMs !== FIRST_ATTEMPT_MS || left <= attemptMs + SharedTimers.slackMs)
      return this.#wait(attemptMs, onNoAnswer);
    this.#cancelTimer?.();
    this.#cancelTimer = timers.start(onNoAnswer);
  }

  #pause(): void {
    this.#tried?.clear();
    this.#wait(this.#patience.nextPauseMs(), () => this.#next());
  }

  /** There is one timer at a time: what comes first of this and the deadline. */
  #wait(ms: number, then: () => void): void {
    const { environment } = this.#parts;
    const left = this.#parcel.deadline - environment.now();
    this.#cancelTimer?.();
    this.#cancelTimer =
      left <= ms
        ? environment.after(Math.max(0, left), () => this.#onDeadline())
        : environment.after(ms, then);
  }

  #onDeadline(): void {
    const { environment, servers } = this.#parts;
    const attempt = this.#current;
    if (attempt !== undefined) {
      const what = `no answer within ${Math.round((environment.now() - attempt.since) / 100) / 10} s`;
      this.#trouble = { code: "timed_out", reason: `server ${attempt.server.address}: ${what}` };
      this.#uncertain = true;
      this.#current = undefined;
      attempt.abandon(new DOMException(what, "TimeoutError"));
      // Too short a time is no sign of a failure.
      if (environment.now() - attempt.since >= FIRST_ATTEMPT_MS)
        servers.failed(attempt.server, attempt.since, what);
    }
    this.#end({ kind: "too_late" });
  }

  #end(end: DeliveryEnd): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#parcel.onEnd(end);
  }
}

/** A transport that gives up unasked has not reached the server in time. */
function kindOfFailure(
  code: Exclude<RequestErrorCode, "busy" | "too_large" | "invalid" | "expired">,
): "unavailable" | "timed_out" {
  return code === "timed_out" || code === "cancelled" ? "timed_out" : "unavailable";
}
