import { create } from "@bufbuild/protobuf";
import { RequestError, UpdateTable, type UpdateCaller, type UpdateIntake } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
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
import { Line } from "./line.js";
import { frameTargetBytes } from "./options.js";
import { copyOf, PendingQuery, PendingUpdate, type Ordered, type Pending } from "./pending-entries.js";
import { randomSeed } from "./random-seed.js";
import {
  abortedError,
  cancelledError,
  noAnswerError,
  queryTooLargeError,
  tooLargeError,
} from "./request-errors.js";
import { fromRequestFailure } from "./request-failure.js";
import { maxBytesUnderWay, maxUpdatesUnderWay } from "./update-allowance.js";
import type { UpdateIdentity } from "./update-key.js";

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
  /** The largest request that this side makes. Default: any. */
  readonly maxRequestBytes?: number;
}

/** Ids of abandoned updates and queries in one batch, at most; and what one takes up, at most. */
const maxAbandonedPerBatch = 4096;
const abandonedBytes = 32;

/**
 * The client's end of one stream of updates and queries: gathers them into batches, sends no more than the server takes, and
 * hands each answer to those that wait for it.
 * When the stream ends, `lost` must be called; the next stream has an object of its own.
 */
export class PendingUpdates implements UpdateIntake {
  readonly #updates = new UpdateTable<PendingUpdate>(randomSeed());
  /** By their ids, which are given here. */
  readonly #queries = new Map<bigint, PendingQuery>();
  readonly #unsent = new Line<PendingUpdate | PendingQuery>();
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
  #maxRequestBytes: number;
  #leader: number | undefined;
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
    this.#maxRequestBytes = limits.maxRequestBytes ?? Infinity;
  }

  /** Updates and queries that have no answer yet. */
  get length(): number {
    return this.#updates.size + this.#queries.size;
  }

  /** Who leads, as far as the server has said. */
  get leader(): number | undefined {
    return this.#leader;
  }

  /**
   * Sends an update, and tells its caller what became of it, never before this returns. An update that is pending already is not sent
   * twice; all its callers get the one answer.
   */
  take(update: ClientUpdate, caller: UpdateCaller): void {
    const refusal = this.#refusal() ?? tooLargeError(update, this.#maxRequestBytes);
    if (refusal !== undefined) return queueMicrotask(() => caller.onFailed(refusal));
    const known = this.#updates.get(update.clientId, update.timestamp);
    if (known !== undefined) return known.join(caller);
    if (this.#isFull) {
      const error = this.#fullError();
      return queueMicrotask(() => caller.onFailed(error));
    }
    const pending = new PendingUpdate(update, caller);
    this.#updates.add(pending);
    this.#queue(pending);
  }

  leave({ clientId, timestamp }: ClientUpdate, caller: UpdateCaller): void {
    const pending = this.#updates.get(clientId, timestamp);
    if (pending?.leave(caller) !== true) return;
    if (pending.isDeserted) this.#abandon(pending);
    caller.onFailed(cancelledError(this.address));
  }

  /** Resolves with the answer, which lacks `update`. Rejects with a RequestError. */
  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    if (signal.aborted) return Promise.reject(abortedError(this.address, signal));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.leave(update, caller);
      const unlink = (): void => this.#aborts.remove(signal, onAbort);
      const caller: UpdateCaller = {
        onOrdered: (seq, result, duplicate) => {
          unlink();
          const answer = create(GloballyOrderedUpdateSchema, { seq: BigInt(seq), result, duplicate });
          if (this.#leader !== undefined) answer.leaderId = BigInt(this.#leader);
          resolve(answer);
        },
        onFailed: (error) => {
          unlink();
          reject(signal.aborted ? abortedError(this.address, signal) : (error as RequestError));
        },
      };
      this.#aborts.add(signal, onAbort);
      this.take(update, caller);
    });
  }

  /** Resolves with the answer. Rejects with a RequestError. */
  query(request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    if (signal.aborted) return Promise.reject(abortedError(this.address, signal));
    const refusal = this.#refusal() ?? queryTooLargeError(request, this.#maxRequestBytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#isFull) return Promise.reject(this.#fullError());
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#abandon(pending);
        reject(abortedError(this.address, signal));
      };
      const unlink = (): void => this.#aborts.remove(signal, onAbort);
      const pending = new PendingQuery(++this.#lastQueryId, request, { resolve, reject, unlink });
      this.#queries.set(pending.id, pending);
      this.#queue(pending);
      this.#aborts.add(signal, onAbort);
    });
  }

  /** The server has told the largest request that it takes: larger ones fail, those that wait as well. */
  restrict(maxRequestBytes: number): void {
    this.#maxRequestBytes = Math.min(this.#maxRequestBytes, maxRequestBytes);
    // A copy, for those that fail leave the line.
    const unsent = [...this.#unsent];
    for (const pending of unsent) {
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
    for (let pending = this.#unsent.first(); pending !== undefined; pending = this.#unsent.first()) {
      bytes += pending.bytes;
      if ((taken > 0 && bytes > targetBytes) || taken >= maxUpdatesUnderWay) break;
      if (this.#sent >= this.#maxUpdatesSent) break;
      if (this.#sent > 0 && this.#bytesSent + pending.bytes > this.#maxBytesSent) break;
      this.#unsent.shift();
      pending.sent = true;
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
    this.#hearOf(leaderId);
    for (const answer of answers) {
      const { failure } = answer;
      const outcome = failure === undefined ? answer : fromRequestFailure(failure, this.address);
      this.#settle(answer, outcome);
    }
    for (const { id, outcome } of queryAnswers) this.#settleQuery(id, this.#outcomeOf(outcome));
    this.#sendMore();
  }

  /** Hands out what became of an update that was sent otherwise than in its batch. */
  settle(id: UpdateIdentity, outcome: GloballyOrderedUpdate | RequestError): void {
    if (!(outcome instanceof RequestError)) this.#hearOf(outcome.leaderId);
    this.#settle(id, outcome);
    this.#sendMore();
  }

  /** The same for a query. */
  settleQuery(id: bigint, outcome: QueryResponse | RequestError): void {
    this.#settleQuery(id, outcome);
    this.#sendMore();
  }

  #hearOf(leaderId: bigint | undefined): void {
    this.#leader = leaderId === undefined ? undefined : Number(leaderId);
  }

  #settle({ clientId, timestamp }: UpdateIdentity, outcome: Ordered | RequestError): void {
    const pending = this.#updates.get(clientId, timestamp);
    if (pending === undefined) return;
    if (outcome instanceof RequestError) return this.#fail(pending, outcome);
    this.#forget(pending);
    pending.resolve(outcome);
  }

  #settleQuery(id: bigint, outcome: QueryResponse | RequestError): void {
    const pending = this.#queries.get(id);
    if (pending === undefined) return;
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
    if (this.#unsent.first() !== undefined) this.onUnsent();
  }

  /** The stream has ended: all that are pending fail, and all later ones. */
  lost(error: RequestError): void {
    this.#lost ??= error;
    this.#abandoned = [];
    for (const pending of [...this.#updates, ...this.#queries.values()]) this.#fail(pending, error);
  }

  /** Why nothing more is taken; undefined when it is. */
  #refusal(): RequestError | undefined {
    return this.#lost === undefined ? undefined : copyOf(this.#lost);
  }

  get #isFull(): boolean {
    return this.length >= this.#maxUpdates || this.#bytes >= this.#maxBytes;
  }

  #fullError(): RequestError {
    const why = `${this.length} updates and queries for ${this.address} are under way already; try again later`;
    return new RequestError("busy", why);
  }

  #queue(pending: PendingUpdate | PendingQuery): void {
    this.#unsent.push(pending);
    this.#bytes += pending.bytes;
    this.onUnsent();
  }

  #abandon(pending: PendingUpdate | PendingQuery): void {
    this.#remove(pending);
    if (!pending.sent) return;
    this.#abandoned.push(pending);
    this.onUnsent();
  }

  #fail(pending: PendingUpdate | PendingQuery, error: RequestError): void {
    this.#forget(pending);
    pending.reject(error);
  }

  #forget(pending: PendingUpdate | PendingQuery): void {
    this.#remove(pending);
    if (pending.sent) this.#leave(pending.bytes);
  }

  #remove(pending: PendingUpdate | PendingQuery): void {
    pending.gone = true;
    if (!pending.sent) this.#unsent.left();
    if (pending instanceof PendingUpdate) this.#updates.remove(pending.clientId, pending.timestamp);
    else this.#queries.delete(pending.id);
    this.#bytes -= pending.bytes;
  }

  /** One is no longer under way at the server. */
  #leave(bytes: number): void {
    this.#sent--;
    this.#bytesSent -= bytes;
  }
}
