import { create } from "@bufbuild/protobuf";
import { RequestError, UpdateTable, type UpdateIntake } from "@paxos/core";
import {
  UpdateAnswersSchema,
  type ClientUpdate,
  type NumberedQuery,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import type { FaultRecord } from "./connection.js";
import { Line } from "./line.js";
import { frameTargetBytes } from "./options.js";
import { intakeOf } from "./promised-updates.js";
import { randomSeed } from "./random-seed.js";
import { requireFits } from "./request-errors.js";
import { toRequestFailure } from "./request-failure.js";
import { QueryEntry, UpdateEntry, type StreamHandler, type UpdateOwner } from "./stream-entries.js";
import { UpdateAllowance } from "./update-allowance.js";

/** How much a stream takes on. */
export interface UpdateStreamLimits {
  /** The size of a request, which one update or query must fit. */
  readonly maxRequestBytes: number;
  /** Bytes of answers that may wait to be taken before the transport stops reading, and queries wait. Default 1 MiB. */
  readonly maxAnswerBytes?: number;
  /** Queries that the handler may have at the same time: their answers may all come at once. The others wait. Default 1,024. */
  readonly maxQueriesAsked?: number;
  /** What may be under way. To be shared by all that carries updates on one connection. Default: one with its defaults. */
  readonly allowance?: UpdateAllowance;
}

type Entry = UpdateEntry | QueryEntry;

/**
 * The server's end of a stream of updates and queries: hands them to the handler side by side, and gathers the answers in the
 * order in which they become known. What there is no room for is answered as busy at once, so the client is always
 * heard; only a client that does not take its answers should be read from no more.
 */
export class UpdateStream implements UpdateOwner {
  /** Those that will be answered. */
  readonly #updates = new UpdateTable<UpdateEntry>(randomSeed());
  /** By {@link queryKey}. */
  readonly #queries = new Map<string, QueryEntry>();
  readonly #answers = new Line<Entry>();
  #answerBytes = 0;
  /** Queries that the handler has not been given yet: what it answers has to be kept, however large it is. */
  readonly #held = new Set<QueryEntry>();
  readonly #intake: UpdateIntake;
  readonly #allowance: UpdateAllowance;
  readonly #maxAnswerBytes: number;
  readonly #maxQueriesAsked: number;
  #queriesAsked = 0;
  /** Whether an update was ordered: who leads is told with its answer. */
  #ordered = false;
  #closed = false;

  constructor(
    private readonly handler: StreamHandler,
    private readonly faults: FaultRecord<"failed_client_requests">,
    private readonly limits: UpdateStreamLimits,
    /** Told that there are answers to take. May be told many times in one turn of the event loop. */
    private readonly onAnswers: () => void,
  ) {
    this.#intake = intakeOf(handler);
    this.#allowance = limits.allowance ?? new UpdateAllowance();
    this.#maxAnswerBytes = limits.maxAnswerBytes ?? 1024 * 1024;
    this.#maxQueriesAsked = limits.maxQueriesAsked ?? 1024;
  }

  /** Whether the transport should go on reading: false while too many answers wait to be taken. */
  get hasRoom(): boolean {
    return this.#answerBytes <= this.#maxAnswerBytes;
  }

  /** Updates and queries whose answers have not been taken. */
  get length(): number {
    return this.#updates.size + this.#queries.size;
  }

  /** Takes what the client has sent. What is there already is not handed over twice. */
  take({
    updates,
    abandoned,
    queries,
    abandonedQueries,
  }: Pick<UpdateBatch, "updates" | "abandoned" | "queries" | "abandonedQueries">): void {
    if (this.#closed) return;
    for (const { clientId, timestamp } of abandoned) this.#abandon(this.#updates.remove(clientId, timestamp));
    for (const { id } of abandonedQueries) this.#abandon(this.#forgetQuery(id));
    for (const update of updates) this.#takeUpdate(update);
    for (const query of queries) this.#takeQuery(query);
    this.#askHeld();
  }

  /** Up to about `targetBytes` of answers, and at least one; undefined when there is none. */
  takeAnswers(targetBytes = frameTargetBytes): UpdateAnswers | undefined {
    let entry = this.#answers.first();
    if (entry === undefined) return undefined;
    const answers = create(UpdateAnswersSchema);
    let bytes = 0;
    for (; entry !== undefined; entry = this.#answers.first()) {
      if (bytes > 0 && bytes + entry.answerBytes > targetBytes) break;
      bytes += entry.answerBytes;
      entry.answerIn(answers);
      if (entry instanceof UpdateEntry) this.#updates.remove(entry.clientId, entry.timestamp);
      else this.#forgetQuery(entry.id);
      this.#answers.shift();
      this.#answerBytes -= entry.answerBytes;
    }
    const { leader } = this.#intake;
    if (this.#ordered && leader !== undefined) answers.leaderId = BigInt(leader);
    this.#askHeld();
    return answers;
  }

  /** Abandons everything. */
  close(): void {
    this.#closed = true;
    const entries = [...this.#updates, ...this.#queries.values()];
    this.#updates.clear();
    this.#queries.clear();
    for (const entry of entries) this.#abandon(entry);
  }

  /** The handler has let go of an update. */
  onOrdered(entry: UpdateEntry): void {
    this.#letGo(entry);
    if (entry.gone) return;
    this.#ordered = true;
    this.#answer(entry);
  }

  /** The same. */
  onFailed(entry: UpdateEntry, error: unknown): void {
    this.#letGo(entry);
    if (!entry.gone) this.#fail(entry, error);
  }

  #takeUpdate(update: ClientUpdate): void {
    if (this.#updates.get(update.clientId, update.timestamp) !== undefined) return;
    const entry = new UpdateEntry(update, this);
    this.#updates.add(entry);
    if (!this.#admit(entry)) return;
    entry.handed = true;
    try {
      requireFits(update, this.limits.maxRequestBytes);
    } catch (error) {
      return this.onFailed(entry, error);
    }
    this.#intake.take(update, entry);
  }

  #takeQuery(query: NumberedQuery): void {
    const key = queryKey(query.id);
    if (this.#queries.has(key)) return;
    const entry = new QueryEntry(query);
    this.#queries.set(key, entry);
    if (this.#admit(entry)) this.#held.add(entry);
  }

  #forgetQuery(id: bigint): QueryEntry | undefined {
    const key = queryKey(id);
    const entry = this.#queries.get(key);
    this.#queries.delete(key);
    return entry;
  }

  /** Whether there is room for it; if not, it is answered as busy. */
  #admit(entry: Entry): boolean {
    const hasRoom = this.#allowance.take(entry.bytes);
    if (!hasRoom) this.#fail(entry, new RequestError("busy", this.#allowance.full));
    return hasRoom;
  }

  #letGo(entry: UpdateEntry): void {
    entry.handed = false;
    this.#allowance.release(entry.bytes, entry.gone);
  }

  /** Hands queries over, as long as there is room for what they may be answered with. */
  #askHeld(): void {
    for (const entry of this.#held) {
      if (!this.hasRoom || this.#queriesAsked >= this.#maxQueriesAsked) return;
      this.#held.delete(entry);
      void this.#ask(entry);
    }
  }

  // Never rejects.
  async #ask(entry: QueryEntry): Promise<void> {
    this.#queriesAsked++;
    const abort = (entry.abort = new AbortController());
    let failure: unknown;
    try {
      await entry.ask(this.handler, this.limits.maxRequestBytes, abort.signal);
    } catch (error) {
      failure = error;
    }
    entry.abort = undefined;
    this.#allowance.release(entry.bytes, entry.gone);
    if (!entry.gone) {
      if (failure === undefined) this.#answer(entry);
      else this.#fail(entry, failure);
    }
    this.#queriesAsked--;
    this.#askHeld();
  }

  #fail(entry: Entry, error: unknown): void {
    entry.fail(toRequestFailure(error, this.faults));
    this.#answer(entry);
  }

  #answer(entry: Entry): void {
    this.#answers.push(entry);
    this.#answerBytes += entry.answerBytes;
    this.onAnswers();
  }

  /** Nobody wants its answer any more. */
  #abandon(entry: Entry | undefined): void {
    if (entry === undefined) return;
    entry.gone = true;
    if (entry instanceof QueryEntry && this.#held.delete(entry))
      return this.#allowance.release(entry.bytes, false);
    if (!entry.handed) {
      this.#answerBytes -= entry.answerBytes;
      return this.#answers.left();
    }
    // Before the handler is told: it may let go at once.
    this.#allowance.abandon(entry.bytes);
    if (entry instanceof UpdateEntry) this.#intake.leave(entry.update, entry);
    else entry.abort?.abort();
  }
}

/** A string, for it is the client's choice: see {@link updateKey}. */
function queryKey(id: bigint): string {
  return `${id}`;
}
