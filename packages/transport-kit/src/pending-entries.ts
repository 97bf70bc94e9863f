// What a client waits for on one stream: updates, and queries.
import { create } from "@bufbuild/protobuf";
import { RequestError, type UpdateCaller } from "@paxos/core";
import {
  NumberedQuerySchema,
  QueryIdSchema,
  UpdateIdSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type QueryRequest,
  type QueryResponse,
  type UpdateBatch,
} from "@paxos/proto";
import { queryTooLargeError, tooLargeError } from "./request-errors.js";
import { countedBytes, countedQueryBytes } from "./update-allowance.js";

/** Who waits for an answer. */
export interface Caller<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: RequestError) => void;
  /** Stops listening to the caller's signal. */
  readonly unlink: () => void;
}

/** One update or query that has no answer yet. */
export interface Pending {
  /** What it counts. */
  readonly bytes: number;
  /** Whether the server has it, or is about to. */
  sent: boolean;
  /** Whether it has its answer, or nobody waits for one. */
  gone: boolean;
  /** Says that it does not fit a request of so many bytes; undefined when it does. */
  misfit(maxRequestBytes: number): RequestError | undefined;
  /** Adds it to what is sent. */
  sendIn(batch: UpdateBatch): void;
  /** Adds that no answer to it is wanted any more. */
  abandonIn(batch: UpdateBatch): void;
  reject(error: RequestError): void;
}

/** What an answer says of an update that was ordered. */
export type Ordered = Pick<GloballyOrderedUpdate, "seq" | "result" | "duplicate">;

/** One update, with all that wait for its answer. */
export class PendingUpdate implements Pending {
  readonly clientId: bigint;
  readonly timestamp: bigint;
  readonly bytes: number;
  sent = false;
  gone = false;
  /** Mostly there is one. */
  #first: UpdateCaller | undefined;
  #others: UpdateCaller[] | undefined;

  constructor(
    private readonly update: ClientUpdate,
    caller: UpdateCaller,
  ) {
    this.clientId = update.clientId;
    this.timestamp = update.timestamp;
    this.bytes = countedBytes(update);
    this.#first = caller;
  }

  /** Whether nobody waits any more. */
  get isDeserted(): boolean {
    return this.#first === undefined && (this.#others?.length ?? 0) === 0;
  }

  join(caller: UpdateCaller): void {
    (this.#others ??= []).push(caller);
  }

  /** Says whether the caller has waited. */
  leave(caller: UpdateCaller): boolean {
    if (this.#first === caller) {
      this.#first = undefined;
      return true;
    }
    const at = this.#others?.indexOf(caller) ?? -1;
    if (at >= 0) this.#others?.splice(at, 1);
    return at >= 0;
  }

  misfit(maxRequestBytes: number): RequestError | undefined {
    return tooLargeError(this.update, maxRequestBytes);
  }

  sendIn({ updates }: UpdateBatch): void {
    updates.push(this.update);
  }

  abandonIn({ abandoned }: UpdateBatch): void {
    const { clientId, timestamp } = this.update;
    abandoned.push(create(UpdateIdSchema, { clientId, timestamp }));
  }

  resolve({ seq, result, duplicate }: Ordered): void {
    this.#first?.onOrdered(Number(seq), result, duplicate);
    if (this.#others === undefined) return;
    for (const caller of this.#others) caller.onOrdered(Number(seq), result, duplicate);
  }

  reject(error: RequestError): void {
    this.#first?.onFailed(copyOf(error));
    for (const caller of this.#others ?? []) caller.onFailed(copyOf(error));
  }
}

/** One query. Each call is one of its own, whatever it asks. */
export class PendingQuery implements Pending {
  readonly bytes: number;
  sent = false;
  gone = false;

  constructor(
    readonly id: bigint,
    private readonly request: QueryRequest,
    private readonly caller: Caller<QueryResponse>,
  ) {
    this.bytes = countedQueryBytes(request);
  }

  misfit(maxRequestBytes: number): RequestError | undefined {
    return queryTooLargeError(this.request, maxRequestBytes);
  }

  sendIn({ queries }: UpdateBatch): void {
    queries.push(create(NumberedQuerySchema, { id: this.id, request: this.request }));
  }

  abandonIn({ abandonedQueries }: UpdateBatch): void {
    abandonedQueries.push(create(QueryIdSchema, { id: this.id }));
  }

  resolve(response: QueryResponse): void {
    this.caller.unlink();
    this.caller.resolve(response);
  }

  reject(error: RequestError): void {
    this.caller.unlink();
    this.caller.reject(copyOf(error));
  }
}

/** Each caller gets an error of its own. */
export function copyOf({ code, message, cause }: RequestError): RequestError {
  return new RequestError(code, message, { cause });
}
