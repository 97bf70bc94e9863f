// What a server has of one client's stream: updates, and queries.
import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  QueryAnswerSchema,
  UpdateAnswerSchema,
  type ClientUpdate,
  type NumberedQuery,
  type QueryAnswer,
  type RequestFailure,
  type UpdateAnswer,
  type UpdateAnswers,
} from "@paxos/proto";
import { requireFits, requireQueryFits } from "./request-errors.js";
import { countedBytes, countedQueryBytes, entryBytes } from "./update-allowance.js";

/** What serves a stream. */
export type StreamHandler = Pick<ClientHandler, "clientUpdate" | "query">;

/** One update or query, from when it is received until its answer is taken. */
interface Entry {
  readonly key: string;
  /** What it counts. */
  readonly bytes: number;
  /** What its answer counts, once there is one. */
  readonly answerBytes: number;
  /** While the handler has it: aborted when nobody wants the answer any more. */
  abort: AbortController | undefined;
  /** Has the handler answer it. Rejects as that does, and with a RequestError when it is too large. */
  ask(handler: StreamHandler, maxRequestBytes: number, signal: AbortSignal): Promise<void>;
  fail(failure: RequestFailure): void;
  /** Adds its answer. */
  answerIn(answers: UpdateAnswers): void;
}

/** One update. */
export class UpdateEntry implements Entry {
  readonly bytes: number;
  answerBytes = 0;
  abort: AbortController | undefined;
  /** Who leads, as far as the handler knew when it answered. */
  leaderId: bigint | undefined;
  #answer: UpdateAnswer | undefined;

  constructor(
    readonly key: string,
    private readonly update: ClientUpdate,
  ) {
    this.bytes = countedBytes(update);
  }

  async ask(handler: StreamHandler, maxRequestBytes: number, signal: AbortSignal): Promise<void> {
    requireFits(this.update, maxRequestBytes);
    const { seq, result, duplicate, leaderId } = await handler.clientUpdate(this.update, signal);
    this.leaderId = leaderId;
    const { clientId, timestamp } = this.update;
    this.#answer = create(UpdateAnswerSchema, { clientId, timestamp, seq, result, duplicate });
    this.answerBytes = result.length + entryBytes;
  }

  fail(failure: RequestFailure): void {
    const { clientId, timestamp } = this.update;
    this.#answer = create(UpdateAnswerSchema, { clientId, timestamp, failure });
    this.answerBytes = failure.detail.length + entryBytes;
  }

  answerIn({ answers }: UpdateAnswers): void {
    if (this.#answer !== undefined) answers.push(this.#answer);
  }
}

/** One query. */
export class QueryEntry implements Entry {
  readonly bytes: number;
  answerBytes = 0;
  abort: AbortController | undefined;
  #outcome: QueryAnswer["outcome"] = { case: undefined };

  constructor(
    readonly key: string,
    private readonly query: NumberedQuery,
  ) {
    this.bytes = query.request === undefined ? entryBytes : countedQueryBytes(query.request);
  }

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

/** A query's id as a key beside those of updates, which consist of two numbers; a string for the same reason as they. */
export function queryKey(id: bigint): string {
  return `${id}`;
}
