import { create } from "@bufbuild/protobuf";
import type { ClientHandler } from "@paxos/core";
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
import { UpdateTable, type UpdateIdentity } from "./update-table.js";

/** How much one client may have under way on a stream. */
export interface UpdateStreamLimits {
  /** Updates. Default 4,096. */
  readonly maxUpdates?: number;
  /** Bytes of updates, and of answers that wait to be taken. Default 8 MiB; passed by the last update that begins below it. */
  readonly maxBytes?: number;
  /** The size of a request, which one update must fit. */
  readonly maxRequestBytes: number;
}

/** What the transport is told. */
export interface UpdateStreamEvents {
  /** There are answers to take. May be told many times in one turn of the event loop. */
  onAnswers(): void;
  /** There is room again, after there was none. */
  onRoom(): void;
}

/** One update, from when it is received until its answer is taken. */
interface Entry extends UpdateIdentity {
  /** Until it is handed to the handler. */
  update: ClientUpdate | undefined;
  /** What it is accounted with. */
  bytes: number;
  /** Aborted when nobody wants the answer any more. */
  readonly abort: AbortController;
  answer: UpdateAnswer | undefined;
}

/** What an update or an answer takes up beyond its payload, about. */
const entryBytes = 64;

/**
 * The server's end of a stream of updates: hands them to the handler side by side, and gathers the answers in the
 * order in which they become known. An update is under way from when it is handed over until its answer has been
 * taken, so a client that does not read its answers is read from no more, as is one that sends too much.
 */
export class UpdateStream {
  /** Those that will be answered. */
  readonly #entries = new UpdateTable<Entry>();
  /** Received, but not handed over for lack of room: the rest of a batch, if the transport heeds `hasRoom`. */
  readonly #waiting = new Set<Entry>();
  readonly #answered = new Set<Entry>();
  readonly #maxUpdates: number;
  readonly #maxBytes: number;
  #underWay = 0;
  #bytes = 0;
  #full = false;
  #leaderId: bigint | undefined;
  #closed = false;

  constructor(
    private readonly handler: Pick<ClientHandler, "clientUpdate">,
    private readonly faults: FaultRecord<"failed_client_requests">,
    private readonly limits: UpdateStreamLimits,
    private readonly events: UpdateStreamEvents,
  ) {
    this.#maxUpdates = limits.maxUpdates ?? 4096;
    this.#maxBytes = limits.maxBytes ?? 8 * 1024 * 1024;
  }

  /** Whether the transport should go on reading. */
  get hasRoom(): boolean {
    return this.#waiting.size === 0 && this.#fits();
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
      const { clientId, timestamp } = update;
      if (this.#entries.get(update) !== undefined) continue;
      const bytes = update.update.length + entryBytes;
      const abort = new AbortController();
      const entry: Entry = { clientId, timestamp, update, bytes, abort, answer: undefined };
      this.#entries.add(update, entry);
      this.#waiting.add(entry);
    }
    this.#moveOn();
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
      this.#answered.delete(entry);
      this.#entries.take(entry);
      this.#release(entry);
    }
    this.#moveOn();
    const leaderId = this.#leaderId;
    return create(UpdateAnswersSchema, leaderId === undefined ? { answers } : { answers, leaderId });
  }

  /** Abandons everything. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#answered.clear();
    for (const { abort } of this.#entries.takeAll()) abort.abort();
  }

  #fits(): boolean {
    return this.#underWay < this.#maxUpdates && this.#bytes < this.#maxBytes;
  }

  /** Hands over what there is room for. */
  #moveOn(): void {
    for (const entry of this.#waiting) {
      if (!this.#fits()) break;
      this.#waiting.delete(entry);
      this.#underWay++;
      this.#bytes += entry.bytes;
      void this.#order(entry);
    }
    const wasFull = this.#full;
    this.#full = !this.hasRoom;
    if (wasFull && !this.#full) this.events.onRoom();
  }

  async #order(entry: Entry): Promise<void> {
    const { update, abort } = entry;
    if (update === undefined) return;
    entry.update = undefined;
    const { clientId, timestamp } = update;
    try {
      requireFits(update, this.limits.maxRequestBytes);
      const ordered = await this.handler.clientUpdate(update, abort.signal);
      if (this.#dropped(entry)) return;
      this.#leaderId = ordered.leaderId;
      this.#answer(entry, answerOf(entry, ordered));
    } catch (error) {
      if (this.#dropped(entry)) return;
      const failure = toRequestFailure(error, this.faults);
      this.#answer(entry, create(UpdateAnswerSchema, { clientId, timestamp, failure }));
    }
  }

  #answer(entry: Entry, answer: UpdateAnswer): void {
    this.#bytes -= entry.bytes;
    entry.bytes = answer.result.length + entryBytes;
    this.#bytes += entry.bytes;
    entry.answer = answer;
    this.#answered.add(entry);
    this.events.onAnswers();
  }

  /** An abandoned update is under way until the handler has let go of it. */
  #dropped(entry: Entry): boolean {
    if (!entry.abort.signal.aborted) return false;
    this.#release(entry);
    if (!this.#closed) this.#moveOn();
    return true;
  }

  #abandon(id: UpdateIdentity): void {
    const entry = this.#entries.take(id);
    if (entry === undefined || this.#waiting.delete(entry)) return;
    if (this.#answered.delete(entry)) this.#release(entry);
    else entry.abort.abort();
  }

  #release(entry: Entry): void {
    this.#underWay--;
    this.#bytes -= entry.bytes;
  }
}

function answerOf({ clientId, timestamp }: UpdateIdentity, ordered: GloballyOrderedUpdate): UpdateAnswer {
  const { seq, result, duplicate } = ordered;
  return create(UpdateAnswerSchema, { clientId, timestamp, seq, result, duplicate });
}
