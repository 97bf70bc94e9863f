// Updates that are sent in their order, the results printed in that order, and counted.
import type { Client } from "@paxos/client";

import type { Context } from "./context.js";
import { type Outcome, submitOnce } from "./outcome.js";
import { updateJson, updateText } from "./output.js";

/** Once an update has got no answer, the rest of the input is only counted, for at most this long. */
const COUNT_REST_MS = 1_000;

/** One to be sent. */
export interface NextUpdate {
  /** How it is called in messages; absent when there is only one. */
  readonly label?: string;
  /** Its bytes, or why there are none. */
  readonly update: Uint8Array | (Outcome & { kind: "rejected" });
}

export interface UpdatesInOrderOptions {
  readonly json: boolean;
  /** How many are sent at once; above 1 the order among those is open. */
  readonly inFlight: number;
  /** What they are called, many of them. */
  readonly unit: "lines" | "updates";
  /** Whether what is printed has the update beside its seq. */
  readonly withText: boolean;
}

export class UpdatesInOrder {
  readonly #context: Context;
  readonly #client: Client;
  readonly #options: UpdatesInOrderOptions;
  #ordered = 0;
  #rejected = 0;
  /** Their outcome is not known. */
  #unknown = 0;
  #notSent = 0;
  #single = false;
  /** One has got no answer: those after it are not sent, for that might change their order. */
  #gaveUp = false;
  #unread = false;
  #restTimer: NodeJS.Timeout | undefined;

  constructor(context: Context, client: Client, options: UpdatesInOrderOptions) {
    this.#context = context;
    this.#client = client;
    this.#options = options;
  }

  /** Sends all of them. Resolves with the exit status: 0 when all were ordered, else 1. */
  async run(source: () => AsyncIterable<NextUpdate>): Promise<number> {
    const { signal } = this.#context.environment.interrupt;
    const onInterrupt = (): void => this.#stopReading();
    signal.addEventListener("abort", onInterrupt);
    try {
      await this.#sendAll(source);
    } finally {
      clearTimeout(this.#restTimer);
      signal.removeEventListener("abort", onInterrupt);
    }
    return this.#summarize();
  }

  async #sendAll(source: () => AsyncIterable<NextUpdate>): Promise<void> {
    /** Those under way, by the promise that they are reported; each waits for the one before it. */
    const window: Promise<void>[] = [];
    let last = Promise.resolve();
    for await (const next of this.#readable(source)) {
      if (this.#context.environment.interrupt.signal.aborted) break;
      if (this.#gaveUp) {
        this.#notSent++;
        continue;
      }
      last = this.#report(next, this.#send(next), last);
      // Awaited later, and by then handled: a rejection ends the program, whenever it comes.
      last.catch(() => this.#stopReading());
      window.push(last);
      if (window.length >= this.#options.inFlight) await window.shift();
    }
    await last;
  }

  async *#readable(source: () => AsyncIterable<NextUpdate>): AsyncGenerator<NextUpdate> {
    try {
      yield* source();
    } catch (error) {
      if (!this.#unread) throw error;
    }
  }

  /** Ends the input: the loop over it is over with what has been read. */
  #stopReading(): void {
    this.#unread = true;
    this.#context.environment.stdin.destroy();
  }

  async #send({ update }: NextUpdate): Promise<Outcome> {
    if (!(update instanceof Uint8Array)) return update;
    const { servers, environment } = this.#context;
    return submitOnce(this.#client, update, servers, environment.interrupt.signal);
  }

  async #report(next: NextUpdate, sent: Promise<Outcome>, before: Promise<void>): Promise<void> {
    const [outcome] = await Promise.all([sent, before]);
    const { output } = this.#context;
    this.#single = next.label === undefined;
    if (outcome.kind === "ordered") {
      this.#ordered++;
      return output.print(this.#format(outcome.seq, next.update as Uint8Array));
    }
    if (outcome.kind === "rejected") this.#rejected++;
    else this.#unknown++;
    if (outcome.kind === "interrupted") return;
    output.note(next.label === undefined ? outcome.text : `${next.label}: ${outcome.text}`);
    if (outcome.kind === "unknown" || outcome.outOfTime) this.#giveUp();
  }

  #format(seq: number, update: Uint8Array): string {
    const { json, withText } = this.#options;
    if (json) return JSON.stringify({ seq, ...updateJson(update) });
    return withText ? `${seq}\t${updateText(update)}` : String(seq);
  }

  #giveUp(): void {
    if (this.#gaveUp) return;
    this.#gaveUp = true;
    this.#restTimer = setTimeout(() => this.#stopReading(), COUNT_REST_MS);
  }

  #summarize(): number {
    const { output, environment } = this.#context;
    const { unit } = this.#options;
    const notOrdered = this.#rejected + this.#notSent;
    const missing = notOrdered + this.#unknown;
    if (output.closed) return missing === 0 ? 0 : 1;
    if (environment.interrupt.signal.aborted) {
      output.note(
        `interrupted: ${this.#ordered} ${unit} ordered, ${missing} not known to be; the rest was not sent`,
      );
      return 1;
    }
    if (missing === 0) return 0;
    if (this.#single) return 1;
    const rest = this.#unread ? ", and the rest of the input was not read" : "";
    const unsent = this.#notSent > 0 ? `, of which ${this.#notSent} were not sent` : "";
    const unknown = this.#unknown > 0 ? `; ${this.#unknown} may have been ordered` : "";
    const all = this.#ordered + missing;
    output.note(`${notOrdered} of ${all} ${unit} were not ordered${unsent}${unknown}${rest}`);
    return 1;
  }
}
