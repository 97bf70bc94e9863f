import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { UpdateAnswersSchema, type UpdateAnswers, type UpdateBatch } from "@paxos/proto";
import type { FaultRecord } from "./connection.js";
import { frameTargetBytes } from "./options.js";
import { toRequestFailure } from "./request-failure.js";
import { QueryEntry, queryKey, UpdateEntry, type StreamHandler } from "./stream-entries.js";
import { UpdateAllowance } from "./update-allowance.js";
import { updateKey } from "./update-key.js";

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
export class UpdateStream {
  /** Those that will be answered. */
  readonly #entries = new Map<string, Entry>();
  readonly #answered = new Set<Entry>();
  /** Queries that the handler has not been given yet: what it answers has to be kept, however large it is. */
  readonly #held = new Set<QueryEntry>();
  readonly #allowance: UpdateAllowance;
  readonly #maxAnswerBytes: number;
  readonly #maxQueriesAsked: number;
  #queriesAsked = 0;
  #answerBytes = 0;
  #leaderId: bigint | undefined;
  #closed = false;

  constructor(
    private readonly handler: StreamHandler,
    private readonly faults: FaultRecord<"failed_client_requests">,
    private readonly limits: UpdateStreamLimits,
    /** Told that there are answers to take. May be told many times in one turn of the event loop. */
    private readonly onAnswers: () => void,
  ) {
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
    return this.#entries.size;
  }

  /** Takes what the client has sent. What is there already is not handed over twice. */
  take({
    updates,
    abandoned,
    queries,
    abandonedQueries,
  }: Pick<UpdateBatch, "updates" | "abandoned" | "queries" | "abandonedQueries">): void {
    if (this.#closed) return;
    for (const id of abandoned) this.#abandon(updateKey(id));
    for (const { id } of abandonedQueries) this.#abandon(queryKey(id));
    for (const update of updates) {
      const key = updateKey(update);
      if (this.#entries.has(key)) continue;
      const entry = new UpdateEntry(key, update);
      if (this.#admit(entry)) void this.#serve(entry);
    }
    for (const query of queries) {
      const key = queryKey(query.id);
      if (this.#entries.has(key)) continue;
      const entry = new QueryEntry(key, query);
      if (this.#admit(entry)) this.#held.add(entry);
    }
    this.#askHeld();
  }

  /** Up to about `targetBytes` of answers, and at least one; undefined when there is none. */
  takeAnswers(targetBytes = frameTargetBytes): UpdateAnswers | undefined {
    if (this.#answered.size === 0) return undefined;
    const answers = create(UpdateAnswersSchema);
    let bytes = 0;
    for (const entry of this.#answered) {
      if (bytes > 0 && bytes + entry.answerBytes > targetBytes) break;
      bytes += entry.answerBytes;
      entry.answerIn(answers);
      this.#entries.delete(entry.key);
      this.#drop(entry);
    }
    if (this.#leaderId !== undefined) answers.leaderId = this.#leaderId;
    this.#askHeld();
    return answers;
  }

  /** Abandons everything. */
  close(): void {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) this.#giveUp(entry);
  }

  /** Whether there is room for it; if not, it is answered as busy. */
  #admit(entry: Entry): boolean {
    this.#entries.set(entry.key, entry);
    const hasRoom = this.#allowance.take(entry.bytes);
    if (!hasRoom) this.#fail(entry, new RequestError("busy", this.#allowance.full));
    return hasRoom;
  }

  /** Hands queries over, as long as there is room for what they may be answered with. */
  #askHeld(): void {
    for (const entry of this.#held) {
      if (!this.hasRoom || this.#queriesAsked >= this.#maxQueriesAsked) return;
      this.#held.delete(entry);
      void this.#ask(entry);
    }
  }

  async #ask(entry: QueryEntry): Promise<void> {
    this.#queriesAsked++;
    await this.#serve(entry);
    this.#queriesAsked--;
    this.#askHeld();
  }

  // Never rejects.
  async #serve(entry: Entry): Promise<void> {
    const { bytes } = entry;
    const abort = new AbortController();
    entry.abort = abort;
    try {
      await entry.ask(this.handler, this.limits.maxRequestBytes, abort.signal);
    } catch (error) {
      this.#allowance.release(bytes, abort.signal.aborted);
      if (!abort.signal.aborted) this.#fail(entry, error);
      return;
    }
    this.#allowance.release(bytes, abort.signal.aborted);
    if (abort.signal.aborted) return;
    if (entry instanceof UpdateEntry) this.#leaderId = entry.leaderId;
    this.#answer(entry);
  }

  #fail(entry: Entry, error: unknown): void {
    entry.fail(toRequestFailure(error, this.faults));
    this.#answer(entry);
  }

  #answer(entry: Entry): void {
    entry.abort = undefined;
    this.#answerBytes += entry.answerBytes;
    this.#answered.add(entry);
    this.onAnswers();
  }

  #abandon(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#giveUp(entry);
  }

  #giveUp(entry: Entry): void {
    if (entry instanceof QueryEntry && this.#held.delete(entry))
      return this.#allowance.release(entry.bytes, false);
    if (entry.abort === undefined) return this.#drop(entry);
    // Before the handler is told: it may let go at once.
    this.#allowance.abandon(entry.bytes);
    entry.abort.abort();
  }

  /** Forgets an answer. */
  #drop(entry: Entry): void {
    if (this.#answered.delete(entry)) this.#answerBytes -= entry.answerBytes;
  }
}
