// Piped input: each line is sent, the seqs are printed in the order of the lines.
import type { Context } from "./context.js";
import type { SubmitFlags } from "./flags.js";
import { type Line, MAX_UPDATE_BYTES, readLines } from "./lines.js";
import { updateJson, updateText } from "./output.js";
import type { Outcome, Submitter } from "./submit.js";

/** Once a line has timed out, the rest of the input is only counted, for at most this long. */
const COUNT_REST_MS = 1_000;

/** Sends the lines of standard input. Resolves with the exit status: 0 when all were ordered, else 1. */
export async function submitPiped(
  context: Context,
  flags: SubmitFlags,
  submitter: Submitter,
): Promise<number> {
  const job = new PipedLines(context, flags, submitter);
  try {
    await job.run();
  } finally {
    job.close();
  }
  return job.summarize();
}

class PipedLines {
  readonly #context: Context;
  readonly #flags: SubmitFlags;
  readonly #submitter: Submitter;
  #ordered = 0;
  #notOrdered = 0;
  #notSent = 0;
  /** A line has timed out: those after it are not sent, for that would change their order. */
  #gaveUp = false;
  #unread = false;
  #restTimer: NodeJS.Timeout | undefined;
  readonly #onInterrupt = (): void => this.#stopReading();

  constructor(context: Context, flags: SubmitFlags, submitter: Submitter) {
    this.#context = context;
    this.#flags = flags;
    this.#submitter = submitter;
    context.environment.interrupt.signal.addEventListener("abort", this.#onInterrupt);
  }

  close(): void {
    clearTimeout(this.#restTimer);
    this.#context.environment.interrupt.signal.removeEventListener("abort", this.#onInterrupt);
  }

  async run(): Promise<void> {
    /** Lines under way, by the promise that they are reported; each waits for the one before it. */
    const window: Promise<void>[] = [];
    let last = Promise.resolve();
    for await (const line of this.#lines()) {
      if (this.#context.environment.interrupt.signal.aborted) break;
      if (this.#gaveUp) {
        this.#notSent++;
        continue;
      }
      last = this.#report(line, this.#send(line), last);
      // Awaited later, and by then handled: a rejection ends the program, whenever it comes.
      last.catch(() => this.#stopReading());
      window.push(last);
      if (window.length >= this.#flags.inFlight) await window.shift();
    }
    await last;
  }

  async *#lines(): AsyncGenerator<Line> {
    try {
      yield* readLines(this.#context.environment.stdin);
    } catch (error) {
      if (!this.#unread) throw error;
    }
  }

  /** Ends the input: the loop over it is over with what has been read. */
  #stopReading(): void {
    this.#unread = true;
    this.#context.environment.stdin.destroy();
  }

  async #send({ bytes, length }: Line): Promise<Outcome> {
    if (bytes !== undefined) return this.#submitter.submit(bytes);
    return { kind: "refused", reason: `it has ${length} bytes, and an update at most ${MAX_UPDATE_BYTES}` };
  }

  async #report(line: Line, sent: Promise<Outcome>, before: Promise<void>): Promise<void> {
    const [outcome] = await Promise.all([sent, before]);
    const { output } = this.#context;
    if (outcome.kind !== "ordered") this.#notOrdered++;
    switch (outcome.kind) {
      case "ordered":
        this.#ordered++;
        await output.print(this.#format(outcome.seq, line.bytes ?? new Uint8Array()));
        return;
      case "refused":
        output.note(`line ${line.number}: not ordered: ${outcome.reason}`);
        return;
      case "timed out":
        output.note(
          `line ${line.number}: not ordered within ${this.#flags.timeoutMs / 1000} s; last tried: ${outcome.reason}`,
        );
        this.#giveUp();
        return;
      case "interrupted":
    }
  }

  #format(seq: number, update: Uint8Array): string {
    return this.#flags.json
      ? JSON.stringify({ seq, ...updateJson(update) })
      : `${seq}\t${updateText(update)}`;
  }

  #giveUp(): void {
    if (this.#gaveUp) return;
    this.#gaveUp = true;
    this.#restTimer = setTimeout(() => this.#stopReading(), COUNT_REST_MS);
  }

  summarize(): number {
    const { output, environment } = this.#context;
    const missing = this.#notOrdered + this.#notSent;
    if (output.closed) return missing === 0 ? 0 : 1;
    if (environment.interrupt.signal.aborted) {
      output.note(
        `interrupted: ${this.#ordered} lines ordered, ${missing} not known to be; the rest was not sent`,
      );
      return 1;
    }
    if (missing === 0) return 0;
    const rest = this.#unread ? ", and the rest of the input was not read" : "";
    const unsent = this.#notSent > 0 ? `, of which ${this.#notSent} were not sent` : "";
    output.note(`${missing} of ${this.#ordered + missing} lines were not ordered${unsent}${rest}`);
    return 1;
  }
}
