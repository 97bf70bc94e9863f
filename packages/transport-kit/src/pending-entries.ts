// What a client waits for on one stream: updates, and queries.
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
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
  /** Different from all others that are pending. */
  readonly key: string | bigint;
  /** What it counts. */
  readonly bytes: number;
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
  readonly bytes: number;
  readonly callers = new Set<Caller<GloballyOrderedUpdate>>();

  constructor(
    readonly key: string,
    private readonly update: ClientUpdate,
  ) {
    this.bytes = countedBytes(update);
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

  resolve({ seq, result, duplicate }: Ordered, leaderId: bigint | undefined): void {
    for (const caller of this.callers) {
      caller.unlink();
      const ordered = create(GloballyOrderedUpdateSchema, { seq, result, duplicate });
      if (leaderId !== undefined) ordered.leaderId = leaderId;
      caller.resolve(ordered);
    }
  }

  reject(error: RequestError): void {
    for (const caller of this.callers) {
      caller.unlink();
      caller.reject(copyOf(error));
    }
  }
}

/** One query. Each call is one of its own, whatever it asks. */
export class PendingQuery implements Pending {
  readonly bytes: number;

  constructor(
    readonly key: bigint,
    private readonly request: QueryRequest,
    private readonly caller: Caller<QueryResponse>,
  ) {
    this.bytes = countedQueryBytes(request);
  }

  misfit(maxRequestBytes: number): RequestError | undefined {
    return queryTooLargeError(this.request, maxRequestBytes);
  }

  sendIn({ queries }: UpdateBatch): void {
    queries.push(create(NumberedQuerySchema, { id: this.key, request: this.request }));
  }

  abandonIn({ abandonedQueries }: UpdateBatch): void {
    abandonedQueries.push(create(QueryIdSchema, { id: this.key }));
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
