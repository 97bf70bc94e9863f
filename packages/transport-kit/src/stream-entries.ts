// What a server has of one client's stream: updates, and queries.
import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler, type UpdateCaller } from "@paxos/core";
import {
  QueryAnswerSchema,
  type ClientUpdate,
  type NumberedQuery,
  type QueryAnswer,
  type RequestFailure,
  type UpdateAnswers,
} from "@paxos/proto";
import { requireQueryFits } from "./request-errors.js";
import { countedBytes, countedQueryBytes, entryBytes } from "./update-allowance.js";

const nothing: Uint8Array = new Uint8Array();

/** What serves a stream. */
export type StreamHandler = Pick<ClientHandler, "clientUpdate" | "updateIntake" | "query">;

/** One update or query, from when it is received until its answer is taken. */
interface Entry {
  /** What it counts. */
  readonly bytes: number;
  /** What its answer counts, once there is one. */
  readonly answerBytes: number;
  /** Whether the handler has it. */
  readonly handed: boolean;
  /** Nobody wants the answer any more. */
  gone: boolean;
  fail(failure: RequestFailure): void;
  /** Adds its answer. */
  answerIn(answers: UpdateAnswers): void;
}

/** Told when the handler has let go of an update. */
export interface UpdateOwner {
  onOrdered(entry: UpdateEntry): void;
  onFailed(entry: UpdateEntry, error: unknown): void;
}

/** One update. */
export class UpdateEntry implements Entry, UpdateCaller {
  readonly clientId: bigint;
  readonly timestamp: bigint;
  readonly bytes: number;
  answerBytes = 0;
  handed = false;
  gone = false;
  #seq = 0n;
  #result: Uint8Array = nothing;
  #duplicate = false;
  #failure: RequestFailure | undefined;

  constructor(
    readonly update: ClientUpdate,
    private readonly owner: UpdateOwner,
  ) {
    this.clientId = update.clientId;
    this.timestamp = update.timestamp;
    this.bytes = countedBytes(update);
  }

  onOrdered(seq: number, result: Uint8Array, duplicate: boolean): void {
    this.#seq = BigInt(seq);
    this.#result = result;
    this.#duplicate = duplicate;
    this.answerBytes = result.length + entryBytes;
    this.owner.onOrdered(this);
  }

  onFailed(error: unknown): void {
    this.owner.onFailed(this, error);
  }

  fail(failure: RequestFailure): void {
    this.#failure = failure;
    this.answerBytes = failure.detail.length + entryBytes;
  }

  answerIn({ answers }: UpdateAnswers): void {
    const { clientId, timestamp } = this;
    const failure = this.#failure;
    answers.push({
      $typeName: "paxos.v1.UpdateAnswer",
      clientId,
      timestamp,
      seq: this.#seq,
      result: this.#result,
      duplicate: this.#duplicate,
      ...(failure === undefined ? undefined : { failure }),
    });
  }
}

/** One query. */
export class QueryEntry implements Entry {
  readonly bytes: number;
  answerBytes = 0;
  gone = false;
  /** While the handler has it: aborted when nobody wants the answer any more. */
  abort: AbortController | undefined;
  #outcome: QueryAnswer["outcome"] = { case: undefined };

  constructor(private readonly query: NumberedQuery) {
    this.bytes = query.request === undefined ? entryBytes : countedQueryBytes(query.request);
  }

  get id(): bigint {
    return this.query.id;
  }

  get handed(): boolean {
    return this.abort !== undefined;
  }

  /** Has the handler answer it. Rejects as that does, and with a RequestError when it is too large. */
  async ask(handler: StreamHandler, maxRequestBytes: number, signal: AbortSignal): Promise<void> {
    const { request } = this.query;
    if (request === undefined) throw new RequestError("invalid", "there is no request in the query");
    requireQueryFits(request, maxRequestBytes);
    const value = await handler.query(request, signal);
    this.#outcome = { case: "response", value };
    this.answerBytes = value.result.length + entryBytes;
  }

  fail(value: RequestFailure): void {
    this.#outcome = { case: "failure", value };
    this.answerBytes = value.detail.length + entryBytes;
  }

  answerIn({ queryAnswers }: UpdateAnswers): void {
    queryAnswers.push(create(QueryAnswerSchema, { id: this.query.id, outcome: this.#outcome }));
  }
}
