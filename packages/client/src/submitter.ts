// Updates from their submission to their settlement: the line, the window of the session, and what is told the caller.
import { Delivery, type DeliveryEnd, type DeliveryParts } from "./delivery.js";
import { Line } from "./line.js";
import { timeoutProblem } from "./options.js";
import { FIRST_ATTEMPT_MS } from "./patience.js";
import { Registrar } from "./registrar.js";
import type { Session } from "./session.js";
import { SharedTimers } from "./shared-timers.js";
import { isTimeout, Signals } from "./signals.js";
import { Submission, type Ordered, type SubmitOptions } from "./submission.js";
import { SubmitError, type SubmitErrorCode } from "./submit-error.js";

/** Has updates ordered, many at the same time. */
export class Submitter {
  readonly #parts: DeliveryParts;
  readonly #limits: { readonly timeoutMs: number; readonly maxWaiting: number };
  readonly #registrar: Registrar;
  readonly #signals = new Signals();
  readonly #line = new Line<Submission>();
  readonly #sent = new Set<Submission>();
  /** Whether the line is being gone through: what settles meanwhile need not do so again. */
  #sending = false;
  #closed = false;

  constructor(
    shared: Omit<DeliveryParts, "timers">,
    limits: { readonly timeoutMs: number; readonly maxWaiting: number },
  ) {
    const parts = { ...shared, timers: new SharedTimers(shared.environment, FIRST_ATTEMPT_MS) };
    this.#parts = parts;
    this.#limits = limits;
    this.#registrar = new Registrar(parts, {
      onRegistered: () => this.#sendWaiting(),
      onRefused: (...why) => this.#refuseWaiting(...why),
    });
  }

  /** Settles at the update's deadline at the latest. Rejects with a {@link SubmitError}. */
  submit(update: Uint8Array, options: SubmitOptions): Promise<Ordered> {
    const { signal, timeoutMs = this.#limits.timeoutMs } = options;
    const refusal = this.#refusalOf(update, timeoutMs, signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const deadline = this.#parts.environment.now() + timeoutMs;
      const submission = new Submission(update, timeoutMs, deadline, resolve, reject, this.#onEnd);
      if (signal !== undefined) this.#watch(submission, signal);
      const session = this.#line.length === 0 ? this.#registrar.session() : undefined;
      if (session?.hasRoom === true) return this.#send(submission, session);
      this.#line.join(submission);
      this.#timeInLine(submission);
    });
  }

  /** Settles all that are open. */
  close(): void {
    this.#closed = true;
    this.#registrar.stop();
    const reason = "the client was closed before the update was answered";
    for (const submission of this.#sent) this.#giveUp(submission, "cancelled", reason);
    while (this.#line.first !== undefined) this.#giveUp(this.#line.first, "cancelled", reason);
  }

  /** Why an update is not even put in line. */
  #refusalOf(update: Uint8Array, timeoutMs: number, signal?: AbortSignal): SubmitError | undefined {
    const { maxWaiting } = this.#limits;
    const rejected = (code: SubmitErrorCode, reason: string, cause?: unknown) =>
      new SubmitError("rejected", code, reason, { cause });
    if (!(update instanceof Uint8Array)) return rejected("invalid", "an update must be a Uint8Array");
    const wrong = timeoutProblem(timeoutMs);
    if (wrong !== undefined) return rejected("invalid", wrong);
    if (this.#closed) return rejected("cancelled", "the client is closed: connect anew");
    if (signal?.aborted === true) return rejected(...abortOf(signal), signal.reason);
    if (this.#line.length >= maxWaiting) {
      return rejected(
        "busy",
        `${this.#line.length} updates wait to be sent (maxWaiting): wait until some are answered`,
      );
    }
    return undefined;
  }

  #watch(submission: Submission, signal: AbortSignal): void {
    const onAbort = (): void => this.#giveUp(submission, ...abortOf(signal), signal.reason);
    submission.watched = { signal, onAbort };
    this.#signals.watch(signal, onAbort);
  }

  #timeInLine(submission: Submission): void {
    const { environment } = this.#parts;
    if (submission.deadline === Infinity) return;
    const left = Math.max(0, submission.deadline - environment.now());
    submission.cancelTimer = environment.after(left, () => this.#tooLateInLine(submission));
  }

  /** Sends what waits, as far as the session's window allows. */
  #sendWaiting(): void {
    if (this.#sending) return;
    this.#sending = true;
    for (let next = this.#line.first; next !== undefined && !this.#closed; next = this.#line.first) {
      if (this.#isPast(next)) continue;
      const session = this.#registrar.session();
      if (session === undefined || !session.hasRoom) break;
      this.#line.leave(next);
      this.#send(next, session);
    }
    this.#sending = false;
  }

  /** Ends an update for which it is too late, before it is sent in vain: its outcome would not be known then. */
  #isPast(submission: Submission): boolean {
    const { deadline, watched } = submission;
    if (watched?.signal.aborted === true) watched.onAbort();
    else if (deadline <= this.#parts.environment.now()) this.#tooLateInLine(submission);
    else return false;
    return true;
  }

  #send(submission: Submission, session: Session): void {
    submission.cancelTimer?.();
    submission.cancelTimer = undefined;
    const delivery = new Delivery(this.#parts, submission);
    submission.sent = { session, timestamp: session.nextTimestamp(), delivery };
    this.#sent.add(submission);
    delivery.start();
  }

  readonly #onEnd = (submission: Submission, end: DeliveryEnd): void => {
    switch (end.kind) {
      case "answered":
        this.#registrar.isUsed();
        this.#leave(submission);
        submission.resolve({ outcome: "ordered", seq: end.seq, result: end.result });
        return this.#sendWaiting();
      case "refused":
        if (end.code === "expired") return this.#onExpired(submission, end);
        return this.#giveUp(submission, end.code, end.reason, end.cause);
      case "too_late": {
        const trouble = submission.sent?.delivery.trouble;
        const reason = `not ordered within ${seconds(submission.timeoutMs)}: ${trouble?.reason ?? "it was sent last"}`;
        return this.#giveUp(submission, trouble?.code ?? "timed_out", reason, trouble?.cause);
      }
    }
  };

  /**
   * The session is forgotten, and the attempt was not executed. If it was the only one, the update is sent again under
   * a new session; otherwise an earlier attempt may have been executed while the session was remembered.
   */
  #onExpired(submission: Submission, end: DeliveryEnd & { kind: "refused" }): void {
    const { sent } = submission;
    if (sent === undefined) return;
    this.#registrar.isForgotten(sent.session);
    if (sent.delivery.attempts > 1) {
      const reason = `the cluster has forgotten the session of the update, which was sent ${sent.delivery.attempts} times: ${end.reason}`;
      return this.#settle(submission, new SubmitError("unknown", "expired", reason, { cause: end.cause }));
    }
    sent.session.settle(sent.timestamp);
    this.#sent.delete(submission);
    submission.sent = undefined;
    this.#line.jump(submission);
    this.#timeInLine(submission);
    this.#sendWaiting();
  }

  #tooLateInLine(submission: Submission): void {
    const { trouble } = this.#registrar;
    const why =
      trouble === undefined
        ? `${this.#parts.environment.sessionWindow} updates sent before it have no answer yet`
        : `the client could not be registered: ${trouble.reason}`;
    const reason = `not sent within ${seconds(submission.timeoutMs)}: ${why}`;
    this.#giveUp(submission, trouble?.code ?? "timed_out", reason, trouble?.cause);
  }

  /** What waits for a session will not get one. */
  #refuseWaiting(code: SubmitErrorCode, reason: string, cause: Error): void {
    this.#sending = true;
    while (this.#line.first !== undefined) this.#giveUp(this.#line.first, code, reason, cause);
    this.#sending = false;
  }

  #giveUp(submission: Submission, code: SubmitErrorCode, reason: string, cause?: unknown): void {
    const outcome = submission.sent?.delivery.mayBeExecuted === true ? "unknown" : "rejected";
    this.#settle(submission, new SubmitError(outcome, code, reason, { cause }));
  }

  #settle(submission: Submission, error: SubmitError): void {
    this.#leave(submission);
    submission.reject(error);
    this.#sendWaiting();
  }

  /** Leaves nothing of it behind. */
  #leave(submission: Submission): void {
    const { sent, watched } = submission;
    submission.cancelTimer?.();
    if (watched !== undefined) this.#signals.unwatch(watched.signal, watched.onAbort);
    if (sent === undefined) {
      this.#line.leave(submission);
      // Nobody is left who needs the session.
      if (this.#line.length === 0) this.#registrar.stop();
      return;
    }
    sent.delivery.stop();
    sent.session.settle(sent.timestamp);
    this.#sent.delete(submission);
  }
}

function abortOf(signal: AbortSignal): [code: SubmitErrorCode, reason: string] {
  return isTimeout(signal)
    ? ["timed_out", "the time of the caller's signal was over before the update was answered"]
    : ["cancelled", "the caller's signal was aborted before the update was answered"];
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
