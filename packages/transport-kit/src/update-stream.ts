import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  UpdateAnswerSchema,
  UpdateAnswersSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type UpdateAnswer,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import type { FaultRecord } from "./connection.js";
import { frameTargetBytes } from "./options.js";
import { requireFits } from "./request-errors.js";
import { toRequestFailure } from "./request-failure.js";
import { countedBytes, entryBytes, UpdateAllowance } from "./update-allowance.js";
import { updateKey, type UpdateIdentity } from "./update-key.js";

/** How much a stream takes on. */
export interface UpdateStreamLimits {
  /** The size of a request, which one update must fit. */
  readonly maxRequestBytes: number;
  /** Bytes of answers that may wait to be taken before the transport stops reading. Default 1 MiB. */
  readonly maxAnswerBytes?: number;
  /** What may be under way. To be shared by all that carries updates on one connection. Default: one with its defaults. */
  readonly allowance?: UpdateAllowance;
}

/** One update, from when it is received until its answer is taken. */
interface Entry extends UpdateIdentity {
  readonly key: string;
  /** What it, or then its answer, is accounted with. */
  bytes: number;
  /** While the handler has it: aborted when nobody wants the answer any more. */
  abort: AbortController | undefined;
  answer: UpdateAnswer | undefined;
}

/**
 * The server's end of a stream of updates: hands them to the handler side by side, and gathers the answers in the
 * order in which they become known. An update for which there is no room is answered as busy at once, so the client is always
 * heard; only a client that does not take its answers should be read from no more.
 */
export class UpdateStream {
  /** Those that will be answered. */
  readonly #entries = new Map<string, Entry>();
  readonly #answered = new Set<Entry>();
  readonly #allowance: UpdateAllowance;
  readonly #maxAnswerBytes: number;
  #answerBytes = 0;
  #leaderId: bigint | undefined;
  #closed = false;

  constructor(
    private readonly handler: Pick<ClientHandler, "clientUpdate">,
    private readonly faults: FaultRecord<"failed_client_requests">,
    private readonly limits: UpdateStreamLimits,
    /** Told that there are answers to take. May be told many times in one turn of the event loop. */
    private readonly onAnswers: () => void,
  ) {
    this.#allowance = limits.allowance ?? new UpdateAllowance();
    this.#maxAnswerBytes = limits.maxAnswerBytes ?? 1024 * 1024;
  }

  /** Whether the transport should go on reading: false while too many answers wait to be taken. */
  get hasRoom(): boolean {
    return this.#answerBytes <= this.#maxAnswerBytes;
  }

  /** Updates whose answers have not been taken. */
  get length(): number {
    return this.#entries.size;
  }

  /** Takes what the client has sent. An update that is there already is not handed over twice. */
  take({ updates, abandoned }: Pick<UpdateBatch, "updates" | "abandoned">): void {
    if (this.#closed) return;
    for (const id of abandoned) this.#abandon(id);
    for (const update of updates) {
      const key = updateKey(update);
      if (this.#entries.has(key)) continue;
      const { clientId, timestamp } = update;
      const entry: Entry = {
        key,
        clientId,
        timestamp,
        bytes: countedBytes(update),
        abort: undefined,
        answer: undefined,
      };
      this.#entries.set(key, entry);
      if (this.#allowance.take(entry.bytes)) void this.#order(entry, update);
      else this.#fail(entry, new RequestError("busy", this.#allowance.full));
    }
  }

  /** Up to about `targetBytes` of answers, and at least one; undefined when there is none. */
  takeAnswers(targetBytes = frameTargetBytes): UpdateAnswers | undefined {
    if (this.#answered.size === 0) return undefined;
    const answers: UpdateAnswer[] = [];
    let bytes = 0;
    for (const entry of this.#answered) {
      if (answers.length > 0 && bytes + entry.bytes > targetBytes) break;
      bytes += entry.bytes;
      if (entry.answer !== undefined) answers.push(entry.answer);
      this.#entries.delete(entry.key);
      this.#drop(entry);
    }
    const leaderId = this.#leaderId;
    return create(UpdateAnswersSchema, leaderId === undefined ? { answers } : { answers, leaderId });
  }

  /** Abandons everything. */
  close(): void {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) this.#giveUp(entry);
  }

  async #order(entry: Entry, update: ClientUpdate): Promise<void> {
    const { bytes } = entry;
    const abort = new AbortController();
    entry.abort = abort;
    let ordered: GloballyOrderedUpdate;
    try {
      requireFits(update, this.limits.maxRequestBytes);
      ordered = await this.handler.clientUpdate(update, abort.signal);
    } catch (error) {
      this.#allowance.release(bytes, abort.signal.aborted);
      if (!abort.signal.aborted) this.#fail(entry, error);
      return;
    }
    this.#allowance.release(bytes, abort.signal.aborted);
    if (abort.signal.aborted) return;
    this.#leaderId = ordered.leaderId;
    this.#answer(entry, answerOf(entry, ordered));
  }

  #fail(entry: Entry, error: unknown): void {
    const { clientId, timestamp } = entry;
    const failure = toRequestFailure(error, this.faults);
    this.#answer(entry, create(UpdateAnswerSchema, { clientId, timestamp, failure }));
  }

  #answer(entry: Entry, answer: UpdateAnswer): void {
    entry.abort = undefined;
    entry.bytes = answer.result.length + (answer.failure?.detail.length ?? 0) + entryBytes;
    entry.answer = answer;
    this.#answerBytes += entry.bytes;
    this.#answered.add(entry);
    this.onAnswers();
  }

  #abandon(id: UpdateIdentity): void {
    const key = updateKey(id);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#giveUp(entry);
  }

  #giveUp(entry: Entry): void {
    if (entry.abort === undefined) return this.#drop(entry);
    // Before the handler is told: it may let go at once.
    this.#allowance.abandon(entry.bytes);
    entry.abort.abort();
  }

  /** Forgets an answer. */
  #drop(entry: Entry): void {
    if (this.#answered.delete(entry)) this.#answerBytes -= entry.bytes;
  }
}

function answerOf({ clientId, timestamp }: UpdateIdentity, ordered: GloballyOrderedUpdate): UpdateAnswer {
  const { seq, result, duplicate } = ordered;
  return create(UpdateAnswerSchema, { clientId, timestamp, seq, result, duplicate });
}
