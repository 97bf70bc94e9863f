import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  NumberedQuerySchema,
  QueryResponseSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type NumberedQuery,
  type QueryRequest,
  type QueryResponse,
} from "@paxos/proto";

/** One update that was handed over. */
export interface Call {
  readonly update: ClientUpdate;
  readonly signal: AbortSignal;
  /** Answers with the timestamp as the seq, and the update's bytes as the result. */
  answer(more?: { leaderId?: bigint; duplicate?: boolean }): void;
  fail(error: unknown): void;
}

/** One query that was handed over. */
export interface QueryCall {
  /** Its first byte. */
  readonly first: number;
  readonly signal: AbortSignal;
  /** Answers with the first byte as the seq, and a result of it alone or of so many bytes. */
  answer(bytes?: number): void;
  fail(error: unknown): void;
}

/** A handler whose answers come when a test says so; what is abandoned rejects at once, unless `stubborn`. */
export class SettlingHandler {
  readonly calls: Call[] = [];
  readonly queries: QueryCall[] = [];
  stubborn = false;

  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        update,
        signal,
        answer: (more = {}) =>
          resolve(
            create(GloballyOrderedUpdateSchema, { seq: update.timestamp, result: update.update, ...more }),
          ),
        fail: reject,
      });
      signal.addEventListener("abort", () => {
        if (!this.stubborn) reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }

  query({ query: [first = 0] }: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    return new Promise((resolve, reject) => {
      this.queries.push({
        first,
        signal,
        answer: (bytes = 1) =>
          resolve(
            create(QueryResponseSchema, {
              seq: BigInt(first),
              result: new Uint8Array(bytes).fill(first),
              nodeId: 3n,
            }),
          ),
        fail: reject,
      });
      signal.addEventListener("abort", () => {
        if (!this.stubborn) reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }

  call(timestamp: number): Call {
    const call = this.calls.findLast(({ update }) => update.timestamp === BigInt(timestamp));
    if (call === undefined) throw new Error(`update ${timestamp} was not handed over`);
    return call;
  }
}

/** A query that begins with its id. */
export function query(id: number, bytes = 10): NumberedQuery {
  return create(NumberedQuerySchema, {
    id: BigInt(id),
    request: { query: new Uint8Array(bytes).fill(id) },
  });
}

export function update(timestamp: number, bytes = 10, clientId = 7n): ClientUpdate {
  return create(ClientUpdateSchema, {
    clientId,
    timestamp: BigInt(timestamp),
    update: new Uint8Array(bytes).fill(timestamp),
  });
}
