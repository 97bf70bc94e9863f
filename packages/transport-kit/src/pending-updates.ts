import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  UpdateBatchSchema,
  UpdateIdSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type UpdateAnswers,
  type UpdateBatch,
  type UpdateId,
} from "@paxos/proto";
import { AbortListeners } from "./abort-listeners.js";
import { frameTargetBytes } from "./options.js";
import { abortedError, tooLargeError } from "./request-errors.js";
import { fromRequestFailure } from "./request-failure.js";
import { countedBytes, maxBytesUnderWay, maxUpdatesUnderWay } from "./update-allowance.js";
import { updateKey, type UpdateIdentity } from "./update-key.js";

/** How much may be pending to one server. */
export interface PendingUpdatesLimits {
  /** Updates, sent and unsent. Default 65,536. */
  readonly maxUpdates?: number;
  /** Bytes of updates, sent and unsent. Default 64 MiB; passed by the last update that begins below it. */
  readonly maxBytes?: number;
  /** Updates sent: what is more waits, as the server would answer it as busy. Default 4,096, as on the server. */
  readonly maxUpdatesSent?: number;
  /** Bytes of updates sent, likewise. Default 8 MiB; passed only by an update that is sent while no other is under way. */
  readonly maxBytesSent?: number;
}

/** What an answer says of an update that was ordered. */
type Ordered = Pick<GloballyOrderedUpdate, "seq" | "result" | "duplicate">;

/** Who waits for an answer. */
interface Caller {
  readonly resolve: (ordered: GloballyOrderedUpdate) => void;
  readonly reject: (error: RequestError) => void;
  /** Stops listening to the caller's signal. */
  readonly unlink: () => void;
}

/** One update that has no answer yet. */
interface Pending extends UpdateIdentity {
  readonly key: string;
  readonly update: ClientUpdate;
  readonly bytes: number;
  readonly callers: Set<Caller>;
}

/** Ids of abandoned updates in one batch, at most; and what one takes up, at most. */
const maxAbandonedPerBatch = 4096;
const abandonedBytes = 32;

/**
 * The client's end of one stream of updates: gathers them into batches, sends no more than the server takes, and hands each
 * answer to those that wait for it.
 * When the stream ends, `lost` must be called; the next stream has an object of its own.
 */
export class PendingUpdates {
  readonly #pending = new Map<string, Pending>();
  readonly #unsent = new Set<Pending>();
  /** Sent, given up, and not yet reported to the server: they have not made room there. */
  #abandoned: Pending[] = [];
  readonly #aborts = new AbortListeners();
  readonly #maxUpdates: number;
  readonly #maxBytes: number;
  readonly #maxUpdatesSent: number;
  readonly #maxBytesSent: number;
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

  /** Updates that have no answer yet. */
  get length(): number {
    return this.#pending.size;
  }

  /**
   * Resolves with the answer, which lacks `update`. Rejects with a RequestError. An update that is pending already is
   * not sent twice; all its callers get the one answer.
   */
  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    if (signal.aborted) return Promise.reject(abortedError(this.address, signal));
    if (this.#lost !== undefined) return Promise.reject(copyOf(this.#lost));
    const misfit = tooLargeError(update, this.#maxRequestBytes);
    if (misfit !== undefined) return Promise.reject(misfit);
    const key = updateKey(update);
    const pending = this.#pending.get(key) ?? this.#queue(key, update);
    if (pending === undefined) {
      const why = `${this.#pending.size} updates for ${this.address} are under way already; try again later`;
      return Promise.reject(new RequestError("busy", why));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        pending.callers.delete(caller);
        if (pending.callers.size === 0) this.#abandon(pending);
        reject(abortedError(this.address, signal));
      };
      const unlink = (): void => this.#aborts.remove(signal, onAbort);
      const caller: Caller = { resolve, reject, unlink };
      pending.callers.add(caller);
      this.#aborts.add(signal, onAbort);
    });
  }

  /** The server has told the largest request that it takes: larger ones fail, those that wait as well. */
  restrict(maxRequestBytes: number): void {
    this.#maxRequestBytes = maxRequestBytes;
    for (const pending of this.#unsent) {
      const misfit = tooLargeError(pending.update, maxRequestBytes);
      if (misfit === undefined) continue;
      this.#fail(pending, misfit);
    }
  }

  /**
   * What is to be sent next, up to about `targetBytes`, at least one update if the server has room for it; undefined when there
   * is nothing. An update alone may be larger than `targetBytes`, never than the room that is left at the server, unless
   * nothing is under way there.
   */
  takeBatch(targetBytes = frameTargetBytes): UpdateBatch | undefined {
    const given = this.#abandoned.splice(0, maxAbandonedPerBatch);
    for (const { bytes } of given) this.#leave(bytes);
    const updates: ClientUpdate[] = [];
    // An update that was abandoned and is wanted again must not overtake its own abandonment.
    if (this.#abandoned.length === 0) this.#takeUnsent(updates, targetBytes - given.length * abandonedBytes);
    if (updates.length === 0 && given.length === 0) return undefined;
    const abandoned = given.map(({ clientId, timestamp }): UpdateId =>
      create(UpdateIdSchema, { clientId, timestamp }),
    );
    return create(UpdateBatchSchema, { updates, abandoned });
  }

  #takeUnsent(updates: ClientUpdate[], targetBytes: number): void {
    let bytes = 0;
    for (const pending of this.#unsent) {
      bytes += pending.bytes;
      if ((updates.length > 0 && bytes > targetBytes) || updates.length >= maxUpdatesUnderWay) return;
      if (this.#sent >= this.#maxUpdatesSent) return;
      if (this.#sent > 0 && this.#bytesSent + pending.bytes > this.#maxBytesSent) return;
      this.#unsent.delete(pending);
      this.#sent++;
      this.#bytesSent += pending.bytes;
      updates.push(pending.update);
    }
  }

  /**
   * Hands out answers. Those that nobody waits for any more are ignored.
   *
   * An answer says which update it is of, not which sending of it: where an update was given up and is wanted again, the answer
   * may still be that of the earlier sending. A success is the same for both. A failure may be one that the later sending would
   * not have met with (the server was busy then, say), and the later one may be ordered all the same. So whoever has sent an
   * update twice takes no failure of it, `busy` included, for a promise that it is not ordered.
   */
  answered({ answers, leaderId }: UpdateAnswers): void {
    for (const answer of answers) {
      const { failure } = answer;
      const outcome = failure === undefined ? answer : fromRequestFailure(failure, this.address);
      this.#settle(answer, outcome, leaderId);
    }
    this.#sendMore();
  }

  /** Hands out what became of an update that was sent otherwise than in its batch. */
  settle(id: UpdateIdentity, outcome: GloballyOrderedUpdate | RequestError): void {
    this.#settle(id, outcome, outcome instanceof RequestError ? undefined : outcome.leaderId);
    this.#sendMore();
  }

  #settle(id: UpdateIdentity, outcome: Ordered | RequestError, leaderId: bigint | undefined): void {
    const pending = this.#pending.get(updateKey(id));
    if (pending === undefined) return;
    if (outcome instanceof RequestError) return this.#fail(pending, outcome);
    const { seq, result, duplicate } = outcome;
    this.#forget(pending);
    for (const caller of pending.callers) {
      caller.unlink();
      const ordered = create(GloballyOrderedUpdateSchema, { seq, result, duplicate });
      if (leaderId !== undefined) ordered.leaderId = leaderId;
      caller.resolve(ordered);
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

  /** Undefined when there is too much already. */
  #queue(key: string, update: ClientUpdate): Pending | undefined {
    if (this.#pending.size >= this.#maxUpdates || this.#bytes >= this.#maxBytes) return undefined;
    const { clientId, timestamp } = update;
    const bytes = countedBytes(update);
    const pending: Pending = { key, clientId, timestamp, update, bytes, callers: new Set() };
    this.#pending.set(key, pending);
    this.#unsent.add(pending);
    this.#bytes += bytes;
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
    for (const caller of pending.callers) {
      caller.unlink();
      caller.reject(copyOf(error));
    }
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending.key);
    this.#bytes -= pending.bytes;
    if (!this.#unsent.delete(pending)) this.#leave(pending.bytes);
  }

  /** An update is no longer under way at the server. */
  #leave(bytes: number): void {
    this.#sent--;
    this.#bytesSent -= bytes;
  }
}

/** Each caller gets an error of its own. */
function copyOf({ code, message, cause }: RequestError): RequestError {
  return new RequestError(code, message, { cause });
}
