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
import { abortedError } from "./request-errors.js";
import { fromRequestFailure } from "./request-failure.js";
import { UpdateTable, type UpdateIdentity } from "./update-table.js";

/** How much may be pending to one server. */
export interface PendingUpdatesLimits {
  /** Updates, sent and unsent. Default 65,536. */
  readonly maxUpdates?: number;
  /** Bytes of updates, sent and unsent. Default 64 MiB; passed by the last update that begins below it. */
  readonly maxBytes?: number;
}

/** Who waits for an answer. */
interface Caller {
  readonly resolve: (ordered: GloballyOrderedUpdate) => void;
  readonly reject: (error: RequestError) => void;
  /** Stops listening to the caller's signal. */
  readonly unlink: () => void;
}

/** One update that has no answer yet. */
interface Pending extends UpdateIdentity {
  readonly update: ClientUpdate;
  readonly bytes: number;
  readonly callers: Set<Caller>;
}

/** What an update takes up beyond its payload, about, and at least what its other fields take up on the wire. */
const entryBytes = 64;

/** Ids of abandoned updates in one batch, at most. */
const maxAbandonedPerBatch = 4096;

/**
 * The client's end of one stream of updates: gathers them into batches, and hands each answer to those that wait for it.
 * When the stream ends, `lost` must be called; the next stream has an object of its own.
 */
export class PendingUpdates {
  readonly #pending = new UpdateTable<Pending>();
  readonly #unsent = new Set<Pending>();
  #abandoned: UpdateId[] = [];
  readonly #aborts = new AbortListeners();
  readonly #maxUpdates: number;
  readonly #maxBytes: number;
  #bytes = 0;
  #unsentBytes = 0;
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
  }

  /** What has been sent and is neither answered nor abandoned: how many updates, and bytes of them. */
  get underWay(): { readonly updates: number; readonly bytes: number } {
    return {
      updates: this.#pending.size - this.#unsent.size,
      bytes: this.#bytes - this.#unsentBytes,
    };
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
    const pending = this.#pending.get(update) ?? this.#queue(update);
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

  /**
   * What is to be sent next, up to about `targetBytes` and at least one update; undefined when there is nothing. With 0, for
   * a server that is to get no more updates now, what was abandoned alone.
   */
  takeBatch(targetBytes = frameTargetBytes): UpdateBatch | undefined {
    if (this.#abandoned.length === 0 && (this.#unsent.size === 0 || targetBytes <= 0)) return undefined;
    const abandoned = this.#abandoned.splice(0, maxAbandonedPerBatch);
    const updates: ClientUpdate[] = [];
    // An update that was abandoned and is wanted again must not overtake its own abandonment.
    if (this.#abandoned.length > 0 || targetBytes <= 0) return create(UpdateBatchSchema, { abandoned });
    let bytes = abandoned.length * entryBytes;
    for (const pending of this.#unsent) {
      if (updates.length > 0 && bytes + pending.bytes > targetBytes) break;
      bytes += pending.bytes;
      updates.push(pending.update);
      this.#unsent.delete(pending);
      this.#unsentBytes -= pending.bytes;
    }
    return create(UpdateBatchSchema, { updates, abandoned });
  }

  /** Hands out answers. Those that nobody waits for any more are ignored. */
  answered({ answers, leaderId }: UpdateAnswers): void {
    for (const answer of answers) {
      const pending = this.#pending.take(answer);
      if (pending === undefined) continue;
      this.#forget(pending);
      const { seq, result, duplicate, failure } = answer;
      for (const caller of pending.callers) {
        caller.unlink();
        if (failure !== undefined) caller.reject(fromRequestFailure(failure, this.address));
        else {
          const ordered = create(GloballyOrderedUpdateSchema, { seq, result, duplicate });
          if (leaderId !== undefined) ordered.leaderId = leaderId;
          caller.resolve(ordered);
        }
      }
    }
  }

  /** The stream has ended: all that are pending fail, and all later ones. */
  lost(error: RequestError): void {
    this.#lost ??= error;
    this.#abandoned = [];
    for (const pending of this.#pending.takeAll()) {
      this.#forget(pending);
      for (const caller of pending.callers) {
        caller.unlink();
        caller.reject(copyOf(error));
      }
    }
  }

  /** Undefined when there is too much already. */
  #queue(update: ClientUpdate): Pending | undefined {
    if (this.#pending.size >= this.#maxUpdates || this.#bytes >= this.#maxBytes) return undefined;
    const { clientId, timestamp } = update;
    const bytes = update.update.length + entryBytes;
    const pending: Pending = { clientId, timestamp, update, bytes, callers: new Set() };
    this.#pending.add(update, pending);
    this.#unsent.add(pending);
    this.#bytes += bytes;
    this.#unsentBytes += bytes;
    this.onUnsent();
    return pending;
  }

  #abandon(pending: Pending): void {
    this.#pending.take(pending);
    const sent = !this.#unsent.has(pending);
    this.#forget(pending);
    if (!sent) return;
    const { clientId, timestamp } = pending;
    this.#abandoned.push(create(UpdateIdSchema, { clientId, timestamp }));
    this.onUnsent();
  }

  #forget(pending: Pending): void {
    if (this.#unsent.delete(pending)) this.#unsentBytes -= pending.bytes;
    this.#bytes -= pending.bytes;
  }
}

/** Each caller gets an error of its own. */
function copyOf({ code, message, cause }: RequestError): RequestError {
  return new RequestError(code, message, { cause });
}
