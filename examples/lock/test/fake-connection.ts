// A cluster in memory, and a connection to it that loses what the test says.
import { SubmitError } from "@paxos/client";
import type { Connection } from "@paxos/machine";
import type { ClientClock } from "../src/clock.js";
import { LocksCopy } from "./locks-copy.js";

/** What becomes of a command: lost on its way; executed, and its answer lost; or neither. */
export type Fate = "lost" | "unanswered" | "answered";

export class FakeCluster {
  readonly copy = new LocksCopy();

  constructor(private readonly clock: ClientClock) {}

  connect(): FakeConnection {
    return new FakeConnection(this.copy, this.clock);
  }
}

export class FakeConnection implements Connection {
  /** Of the commands to come. What is lost or unanswered is never settled but by its signal. */
  fate: (name: string) => Fate = () => "answered";
  /** How long a command takes there, and its answer back, in milliseconds. */
  delays: () => readonly [number, number] = () => [0, 0];
  /** What every request is refused with. */
  refusal: Error | undefined;
  /** The names of the commands that were sent. */
  readonly sent: string[] = [];

  constructor(
    private readonly copy: LocksCopy,
    private readonly clock: ClientClock,
  ) {}

  async submit(update: Uint8Array, { signal }: { readonly signal?: AbortSignal } = {}) {
    const [name = ""] = JSON.parse(new TextDecoder().decode(update)) as string[];
    this.sent.push(name);
    if (this.refusal !== undefined) throw this.refusal;
    const fate = this.fate(name);
    const [there, back] = this.delays();
    const executed = this.#later(there).then(() => {
      if (fate === "lost") return undefined;
      const seq = ++this.copy.seq;
      return { seq, result: this.copy.machine.apply(update, seq, 0) };
    });
    return new Promise<{ seq: number; result: Uint8Array }>((resolve, reject) => {
      const onAbort = () => reject(new SubmitError("unknown", "cancelled", "it was cancelled"));
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener("abort", onAbort);
      void executed.then(async (answer) => {
        await this.#later(back);
        if (fate === "answered" && answer !== undefined) resolve(answer);
      });
    });
  }

  async read(query: Uint8Array) {
    if (this.refusal !== undefined) throw this.refusal;
    return { seq: this.copy.seq, result: this.copy.machine.query(query) };
  }

  async #later(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => void this.clock.after(ms, resolve));
  }
}
