// What a client must be told: the rules of PROTOCOL.md for updates, queries, calls, streams and their credit, told once more.
import type { FrameInit } from "./conversation.js";

const maxUpdateBytes = 4096 - 64;
const credit = 4;

/** What a test has the handler do with the oldest of those that wait, or another one. */
export type Settlement = "answer" | "fail" | "piece" | "end" | QuestionKind;

/** Calls with one answer. The handler learns when one is given up, of the first two it does not. */
export const questionKinds = [
  "status",
  "members",
  "query",
  "takeSnapshot",
  "changeMembership",
  "transferLeadership",
] as const;
export type QuestionKind = (typeof questionKinds)[number];

interface Stream {
  readonly id: bigint;
  readonly kind: "log" | "backup";
  unacknowledged: number;
  /** Whether the handler is asked for a piece. */
  asked: boolean;
}

interface Question {
  readonly id: bigint;
}

type CallType = NonNullable<NonNullable<FrameInit["calls"]>[number]["type"]>;

export class AnswersModel {
  readonly told = {
    handed: [] as string[],
    open: true,
    answers: [] as string[],
    queryAnswers: [] as string[],
    replies: [] as string[],
  };
  /** With the handler, and answered but not told, in their order. */
  readonly #live = new Set<string>();
  readonly #answered = new Map<string, string>();
  readonly #questions = new Map<bigint, Question>();
  /** Those that the handler has: those too that were given up, if it does not know. */
  readonly #held = new Map<QuestionKind, Question[]>(questionKinds.map((kind) => [kind, []]));
  /** Those that are answered at the end of the turn, without the handler: that they make no sense. */
  #senseless: Question[] = [];
  #streams: Stream[] = [];
  /** Streams in the order in which the handler was asked for a piece. */
  #asked: Stream[] = [];
  #waiting: FrameInit[] = [];
  #writable = true;
  #congested = false;

  receive(frame: FrameInit): void {
    this.#waiting.push(frame);
    this.#goOn();
  }

  settle(what: Settlement, which: number, waits: string | undefined): void {
    if (waits === undefined) return;
    switch (what) {
      case "piece":
      case "end":
        return this.#goOnWithOne(what, which);
      case "answer":
      case "fail":
        this.#live.delete(waits);
        this.#answered.set(waits, what === "answer" ? "ordered" : "INVALID");
        return;
      default:
        this.#answerOne(what, which);
    }
  }

  #answerOne(kind: QuestionKind, which: number): void {
    const held = this.#held.get(kind) ?? [];
    const [question] = held.splice(which % held.length, 1);
    if (question !== undefined && this.#over(question)) this.told.replies.push(`${question.id} ${kind}`);
  }

  /** Ends a question; false when it was given up before. */
  #over(question: Question): boolean {
    return this.#questions.get(question.id) === question && this.#questions.delete(question.id);
  }

  #goOnWithOne(what: "piece" | "end", which: number): void {
    const [stream] = this.#asked.splice(which % this.#asked.length, 1);
    if (stream === undefined) throw new Error("the handler was asked for a piece that nobody wants");
    stream.asked = false;
    this.told.replies.push(`${stream.id} ${what === "piece" ? stream.kind : "end"}`);
    if (what === "end") {
      this.#streams = this.#streams.filter((other) => other !== stream);
    } else {
      stream.unacknowledged++;
      this.#ask(stream);
    }
  }

  setWritable(writable: boolean): void {
    this.#writable = writable;
    if (!writable) return;
    this.#tell();
    for (const stream of this.#streams) this.#ask(stream);
  }

  setCongested(congested: boolean): void {
    this.#congested = congested;
    this.#goOn();
  }

  /** What the turn of the event loop has brought is told at its end. */
  turn(): void {
    for (const question of this.#senseless.splice(0)) this.#over(question);
    if (this.#writable) this.#tell();
  }

  #tell(): void {
    if (!this.told.open) return;
    for (const [id, outcome] of this.#answered)
      (id.startsWith("q") ? this.told.queryAnswers : this.told.answers).push(`${id} ${outcome}`);
    this.#answered.clear();
  }

  #goOn(): void {
    while (!this.#congested && this.told.open) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#take(frame);
    }
  }

  #take({ updates, calls }: FrameInit): void {
    const { abandoned = [], abandonedQueries = [], updates: sent = [], queries = [] } = updates ?? {};
    for (const { clientId = 0n, timestamp = 0n } of abandoned) this.#abandon(`${clientId}/${timestamp}`);
    for (const { id = 0n } of abandonedQueries) this.#abandon(`q${id}`);
    for (const { clientId = 0n, timestamp = 0n, update } of sent)
      this.#serve(`${clientId}/${timestamp}`, update?.length ?? 0);
    for (const { id = 0n, request } of queries) this.#serve(`q${id}`, request?.query?.length ?? 0);
    for (const { id = 0n, type } of calls ?? []) if (this.told.open) this.#call(id, type);
  }

  #abandon(id: string): void {
    this.#live.delete(id);
    this.#answered.delete(id);
  }

  #serve(id: string, bytes: number): void {
    if (this.#live.has(id) || this.#answered.has(id)) return;
    if (bytes > maxUpdateBytes) this.#answered.set(id, "TOO_LARGE");
    else {
      this.#live.add(id);
      this.told.handed.push(id);
    }
  }

  #call(id: bigint, type: CallType | undefined): void {
    const stream = this.#streams.find((other) => other.id === id);
    switch (type?.case) {
      case "cancel":
        this.#giveUp((question) => question === this.#questions.get(id));
        this.#questions.delete(id);
        this.#streams = this.#streams.filter((other) => other !== stream);
        this.#asked = this.#asked.filter((other) => other !== stream);
        return;
      case "taken":
        if (stream === undefined) return;
        stream.unacknowledged = Math.max(0, stream.unacknowledged - type.value);
        return this.#ask(stream);
      default:
        if (stream !== undefined || this.#questions.has(id)) this.#close();
        else if (type !== undefined) this.#start(id, type);
    }
  }

  #start(id: bigint, type: Exclude<CallType, { case: "cancel" | "taken" }>): void {
    const { case: kind } = type;
    if (kind === undefined) return;
    if (kind === "log" || kind === "backup") {
      const stream = { id, kind, unacknowledged: 0, asked: false };
      this.#streams.push(stream);
      return this.#ask(stream);
    }
    const question = { id };
    this.#questions.set(id, question);
    const makesSense = type.case !== "changeMembership" || type.value.change !== undefined;
    if (makesSense) this.#held.get(kind)?.push(question);
    else this.#senseless.push(question);
  }

  /** Takes from the handler what it learns is given up. */
  #giveUp(isGivenUp: (question: Question) => boolean): void {
    for (const kind of questionKinds.slice(2)) {
      const held = this.#held.get(kind) ?? [];
      this.#held.set(
        kind,
        held.filter((question) => !isGivenUp(question)),
      );
    }
  }

  #close(): void {
    this.told.open = false;
    this.#live.clear();
    this.#answered.clear();
    this.#questions.clear();
    this.#giveUp(() => true);
    this.#streams = [];
    this.#asked = [];
  }

  #ask(stream: Stream): void {
    if (stream.asked || stream.unacknowledged >= credit || !this.#writable) return;
    stream.asked = true;
    this.#asked.push(stream);
  }
}
