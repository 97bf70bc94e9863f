// What a client must be told: the rules of PROTOCOL.md for updates, statuses, logs and their credit, told once more.
import type { FrameInit } from "./conversation.js";

const maxUpdateBytes = 4096 - 64;
const credit = 4;

interface Log {
  readonly id: bigint;
  unacknowledged: number;
  /** Whether the handler is asked for a piece. */
  asked: boolean;
}

interface Status {
  readonly id: bigint;
}

export class AnswersModel {
  readonly told = {
    handed: [] as string[],
    open: true,
    answers: [] as string[],
    statuses: 0,
    pieces: 0,
    ends: 0,
  };
  /** With the handler, and answered but not told, in their order. */
  readonly #live = new Set<string>();
  readonly #answered = new Map<string, string>();
  readonly #statuses = new Map<bigint, Status>();
  /** Those too that were cancelled: the handler does not know. */
  readonly #askedStatuses: Status[] = [];
  #logs: Log[] = [];
  /** Logs in the order in which the handler was asked for a piece. */
  #asked: Log[] = [];
  #waiting: FrameInit[] = [];
  #writable = true;
  #congested = false;

  receive(frame: FrameInit): void {
    this.#waiting.push(frame);
    this.#goOn();
  }

  settle(
    what: "answer" | "fail" | "status" | "piece" | "end",
    which: number,
    waits: string | undefined,
  ): void {
    if (waits === undefined) return;
    if (what === "status") {
      const [status] = this.#askedStatuses.splice(which % this.#askedStatuses.length, 1);
      if (status === undefined || this.#statuses.get(status.id) !== status) return;
      this.#statuses.delete(status.id);
      this.told.statuses++;
    } else if (what === "piece" || what === "end") {
      const [log] = this.#asked.splice(which % this.#asked.length, 1);
      if (log === undefined) throw new Error("the handler was asked for a piece that nobody wants");
      log.asked = false;
      if (what === "piece") {
        this.told.pieces++;
        log.unacknowledged++;
        this.#ask(log);
      } else {
        this.told.ends++;
        this.#logs = this.#logs.filter((other) => other !== log);
      }
    } else {
      this.#live.delete(waits);
      this.#answered.set(waits, what === "answer" ? "ordered" : "INVALID");
    }
  }

  setWritable(writable: boolean): void {
    this.#writable = writable;
    if (!writable) return;
    this.#tell();
    for (const log of this.#logs) this.#ask(log);
  }

  setCongested(congested: boolean): void {
    this.#congested = congested;
    this.#goOn();
  }

  /** What the turn of the event loop has brought is told at its end. */
  turn(): void {
    if (this.#writable) this.#tell();
  }

  #tell(): void {
    if (!this.told.open) return;
    for (const [id, outcome] of this.#answered) this.told.answers.push(`${id} ${outcome}`);
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
    for (const { clientId = 0n, timestamp = 0n } of updates?.abandoned ?? []) {
      this.#live.delete(`${clientId}/${timestamp}`);
      this.#answered.delete(`${clientId}/${timestamp}`);
    }
    for (const { clientId = 0n, timestamp = 0n, update } of updates?.updates ?? []) {
      const id = `${clientId}/${timestamp}`;
      if (this.#live.has(id) || this.#answered.has(id)) continue;
      if ((update?.length ?? 0) > maxUpdateBytes) this.#answered.set(id, "TOO_LARGE");
      else {
        this.#live.add(id);
        this.told.handed.push(id);
      }
    }
    for (const { id = 0n, type } of calls ?? []) if (this.told.open) this.#call(id, type);
  }

  #call(id: bigint, type: NonNullable<NonNullable<FrameInit["calls"]>[number]["type"]> | undefined): void {
    const log = this.#logs.find((other) => other.id === id);
    switch (type?.case) {
      case "cancel":
        this.#statuses.delete(id);
        this.#logs = this.#logs.filter((other) => other !== log);
        this.#asked = this.#asked.filter((other) => other !== log);
        return;
      case "taken":
        if (log === undefined) return;
        log.unacknowledged = Math.max(0, log.unacknowledged - type.value);
        return this.#ask(log);
      default:
        if (log !== undefined || this.#statuses.has(id)) this.#close();
        else if (type?.case === "log") {
          const opened = { id, unacknowledged: 0, asked: false };
          this.#logs.push(opened);
          this.#ask(opened);
        } else if (type?.case === "status") {
          const status = { id };
          this.#statuses.set(id, status);
          this.#askedStatuses.push(status);
        }
    }
  }

  #close(): void {
    this.told.open = false;
    this.#live.clear();
    this.#answered.clear();
    this.#statuses.clear();
    this.#logs = [];
    this.#asked = [];
  }

  #ask(log: Log): void {
    if (log.asked || log.unacknowledged >= credit || !this.#writable) return;
    log.asked = true;
    this.#asked.push(log);
  }
}
