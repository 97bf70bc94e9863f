import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  UpdateBatchSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type QueryAnswer,
  type QueryRequest,
  type QueryResponse,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import { AbortListeners } from "./abort-listeners.js";
import { frameTargetBytes } from "./options.js";
import { copyOf, PendingQuery, PendingUpdate, type Ordered, type Pending } from "./pending-entries.js";
import { abortedError, noAnswerError, queryTooLargeError, tooLargeError } from "./request-errors.js";
import { fromRequestFailure } from "./request-failure.js";
import { maxBytesUnderWay, maxUpdatesUnderWay } from "./update-allowance.js";
import { updateKey, type UpdateIdentity } from "./update-key.js";

/** How much may be pending to one server. */
export interface PendingUpdatesLimits {
  /** Updates and queries, sent and unsent. Default 65,536. */
  readonly maxUpdates?: number;
  /** Bytes of them, sent and unsent. Default 64 MiB; passed by the last one that begins below it. */
  readonly maxBytes?: number;
  /** Updates and queries sent: what is more waits, as the server would answer it as busy. Default 4,096, as on the server. */
  readonly maxUpdatesSent?: number;
  /** Bytes of them, likewise. Default 8 MiB; passed only by one that is sent while no other is under way. */
  readonly maxBytesSent?: number;
}

/** Ids of abandoned updates and queries in one batch, at most; and what one takes up, at most. */
const maxAbandonedPerBatch = 4096;
const abandonedBytes = 32;

/**
 * The client's end of one stream of updates and queries: gathers them into batches, sends no more than the server takes, and
 * hands each answer to those that wait for it.
 * When the stream ends, `lost` must be called; the next stream has an object of its own.
 */
export class PendingUpdates {
  /** Updates by what {@link updateKey} says, queries by their ids. */
  readonly #pending = new Map<string | bigint, PendingUpdate | PendingQuery>();
  readonly #unsent = new Set<Pending>();
  /** Sent, given up, and not yet reported to the server: they have not made room there. */
  #abandoned: Pending[] = [];
  readonly #aborts = new AbortListeners();
  readonly #maxUpdates: number;
  readonly #maxBytes: number;
  readonly #maxUpdatesSent: number;
  readonly #maxBytesSent: number;
  #lastQueryId = 0n;
  #bytes = 0;
  #sent = 0;
  #bytesSent = 0;
  #maxRequestBytes = Infinity;
  #lost: RequestError | undefined;

  constructor(
    /** The server, for error messages. */
    private readonly address: string,
    /** Told that there is something to send. May be told many times in one turn of the event loop. */
    private readonly onUnsent: () => void,
    limits: PendingUpdatesLimits = {},
  ) {
    this.#maxUpdates = limits.maxUpdates ?? 65_536;
    this.#maxBytes = limits.maxBytes ?? 64 * 1024 * 1024;
    this.#maxUpdatesSent = limits.maxUpdatesSent ?? maxUpdatesUnderWay;
    this.#maxBytesSent = limits.maxBytesSent ?? maxBytesUnderWay;
  }

  /** Updates and queries that have no answer yet. */
  get length(): number {
    return this.#pending.size;
  }

  /**
   * Resolves with the answer, which lacks `update`. Rejects with a RequestError. An update that is pending already is
   * not sent twice; all its callers get the one answer.
   */
  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    const refusal = this.#refusal(signal) ?? tooLargeError(update, this.#maxRequestBytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    const key = updateKey(update);
    const known = this.#pending.get(key);
    if (known === undefined && this.#isFull) return Promise.reject(this.#fullError());
    const pending = known instanceof PendingUpdate ? known : this.#queue(new PendingUpdate(key, update));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        pending.callers.delete(caller);
        if (pending.callers.size === 0) this.#abandon(pending);
        reject(abortedError(this.address, signal));
      };
      const unlink = (): void => this.#aborts.remove(signal, onAbort);
      const caller = { resolve, reject, unlink };
      pending.callers.add(caller);
      this.#aborts.add(signal, onAbort);
    });
  }

  /** Resolves with the answer. Rejects with a RequestError. */
  query(request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    const refusal = this.#refusal(signal) ?? queryTooLargeError(request, this.#maxRequestBytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#isFull) return Promise.reject(this.#fullError());
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#abandon(pending);
        reject(abortedError(this.address, signal));
      };
      const unlink = (): void => this.#aborts.remove(signal, onAbort);
      const pending = this.#queue(
        new PendingQuery(++this.#lastQueryId, request, { resolve, reject, unlink }),
      );
      this.#aborts.add(signal, onAbort);
    });
  }

  /** The server has told the largest request that it takes: larger ones fail, those that wait as well. */
  restrict(maxRequestBytes: number): void {
    this.#maxRequestBytes = maxRequestBytes;
    for (const pending of this.#unsent) {
      const misfit = pending.misfit(maxRequestBytes);
      if (misfit !== undefined) this.#fail(pending, misfit);
    }
  }

  /**
   * What is to be sent next, up to about `targetBytes`, at least one update or query if the server has room for it; undefined when
   * there is nothing. One alone may be larger than `targetBytes`, never than the room that is left at the server, unless
   * nothing is under way there.
   */
  takeBatch(targetBytes = frameTargetBytes): UpdateBatch | undefined {
    const given = this.#abandoned.splice(0, maxAbandonedPerBatch);
    for (const { bytes } of given) this.#leave(bytes);
    const batch = create(UpdateBatchSchema);
    for (const pending of given) pending.abandonIn(batch);
    // An update that was abandoned and is wanted again must not overtake its own abandonment.
    const taken =
      this.#abandoned.length === 0 ? this.#takeUnsent(batch, targetBytes - given.length * abandonedBytes) : 0;
    return taken + given.length === 0 ? undefined : batch;
  }

  /** How many were taken. */
  #takeUnsent(batch: UpdateBatch, targetBytes: number): number {
    let bytes = 0;
    let taken = 0;
    for (const pending of this.#unsent) {
      bytes += pending.bytes;
      if ((taken > 0 && bytes > targetBytes) || taken >= maxUpdatesUnderWay) break;
      if (this.#sent >= this.#maxUpdatesSent) break;
      if (this.#sent > 0 && this.#bytesSent + pending.bytes > this.#maxBytesSent) break;
      this.#unsent.delete(pending);
      this.#sent++;
      this.#bytesSent += pending.bytes;
      pending.sendIn(batch);
      taken++;
    }
    return taken;
  }

  /**
   * Hands out answers. Those that nobody waits for any more are ignored.
   *
   * An answer says which update it is of, not which sending of it: where an update was given up and is wanted again, the answer
   * may still be that of the earlier sending. A success is the same for both. A failure may be one that the later sending would
   * not have met with (the server was busy then, say), and the later one may be ordered all the same. So whoever has sent an
   * update twice takes no failure of it, `busy` included, for a promise that it is not ordered.
   */
  answered({ answers, leaderId, queryAnswers }: UpdateAnswers): void {
    for (const answer of answers) {
      const { failure } = answer;
      const outcome = failure === undefined ? answer : fromRequestFailure(failure, this.address);
      this.#settle(answer, outcome, leaderId);
    }
    for (const { id, outcome } of queryAnswers) this.#settleQuery(id, this.#outcomeOf(outcome));
    this.#sendMore();
  }

  /** Hands out what became of an update that was sent otherwise than in its batch. */
  settle(id: UpdateIdentity, outcome: GloballyOrderedUpdate | RequestError): void {
    this.#settle(id, outcome, outcome instanceof RequestError ? undefined : outcome.leaderId);
    this.#sendMore();
  }

  /** The same for a query. */
  settleQuery(id: bigint, outcome: QueryResponse | RequestError): void {
    this.#settleQuery(id, outcome);
    this.#sendMore();
  }

  #settle(id: UpdateIdentity, outcome: Ordered | RequestError, leaderId: bigint | undefined): void {
    const pending = this.#pending.get(updateKey(id));
    if (!(pending instanceof PendingUpdate)) return;
    if (outcome instanceof RequestError) return this.#fail(pending, outcome);
    this.#forget(pending);
    pending.resolve(outcome, leaderId);
  }

  #settleQuery(id: bigint, outcome: QueryResponse | RequestError): void {
    const pending = this.#pending.get(id);
    if (!(pending instanceof PendingQuery)) return;
    if (outcome instanceof RequestError) return this.#fail(pending, outcome);
    this.#forget(pending);
    pending.resolve(outcome);
  }

  #outcomeOf(outcome: QueryAnswer["outcome"]): QueryResponse | RequestError {
    switch (outcome.case) {
      case "response":
        return outcome.value;
      case "failure":
        return fromRequestFailure(outcome.value, this.address);
      case undefined:
        return noAnswerError(this.address, "it answers a query with something unknown");
    }
  }

  #sendMore(): void {
    // There is room at the server again.
    if (this.#unsent.size > 0) this.onUnsent();
  }

  /** The stream has ended: all that are pending fail, and all later ones. */
  lost(error: RequestError): void {
    this.#lost ??= error;
    this.#abandoned = [];
    for (const pending of this.#pending.values()) this.#fail(pending, error);
  }

  /** Why nothing more is taken from this caller; undefined when it is. */
  #refusal(signal: AbortSignal): RequestError | undefined {
    if (signal.aborted) return abortedError(this.address, signal);
    return this.#lost === undefined ? undefined : copyOf(this.#lost);
  }

  get #isFull(): boolean {
    return this.#pending.size >= this.#maxUpdates || this.#bytes >= this.#maxBytes;
  }

  #fullError(): RequestError {
    const why = `${this.#pending.size} updates and queries for ${this.address} are under way already; try again later`;
    return new RequestError("busy", why);
  }

  #queue<T extends PendingUpdate | PendingQuery>(pending: T): T {
    this.#pending.set(pending.key, pending);
    this.#unsent.add(pending);
    this.#bytes += pending.bytes;
    this.onUnsent();
    return pending;
  }

  #abandon(pending: Pending): void {
    this.#pending.delete(pending.key);
    this.#bytes -= pending.bytes;
    if (this.#unsent.delete(pending)) return;
    this.#abandoned.push(pending);
    this.onUnsent();
  }

  #fail(pending: Pending, error: RequestError): void {
    this.#forget(pending);
    pending.reject(error);
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending.key);
    this.#bytes -= pending.bytes;
    if (!this.#unsent.delete(pending)) this.#leave(pending.bytes);
  }

  /** One is no longer under way at the server. */
  #leave(bytes: number): void {
    this.#sent--;
    this.#bytesSent -= bytes;
  }
}
