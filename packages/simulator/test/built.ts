// Simulates from what is built, in a thread of its own: in the test runner's sandbox a run takes three times as long.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Profile, ProfileName, RunSummary, SimulateOptions } from "../src/index.js";

/** A run of a profile, some of whose numbers may be others. */
export interface BuiltRun extends Omit<SimulateOptions, "profile" | "trace"> {
  readonly profile: { readonly name: ProfileName } & Partial<Pick<Profile, "operatorsPerMille">>;
}

interface Answer {
  readonly summary?: RunSummary;
  readonly error?: Error;
  /** The summary of a run that a violation has ended. */
  readonly violated?: RunSummary;
}

export class BuiltSimulator {
  readonly #worker = new Worker(new URL("built-thread.mjs", import.meta.url));

  /** Rejects with what the run has rejected with. */
  async simulate(run: BuiltRun): Promise<RunSummary> {
    const { summary, error } = await this.#ask(run);
    if (summary === undefined) throw error ?? new Error("no answer");
    return summary;
  }

  /** The digest of a run, whatever it finds. */
  async digest(run: BuiltRun): Promise<string> {
    const { summary, error, violated = summary } = await this.#ask(run);
    if (violated === undefined) throw error ?? new Error("no answer");
    return violated.traceHash;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  /** One after the other. */
  async #ask(run: BuiltRun): Promise<Answer> {
    this.#worker.postMessage(run);
    const [answer] = (await once(this.#worker, "message")) as [Answer];
    return answer;
  }
}
