// A thread that does one run at a time.
import { Worker } from "node:worker_threads";

import type { Runner } from "./hunt.js";
import type { Outcome, Run } from "./run.js";
import { UsageError } from "./usage-error.js";

/** What a thread is started with. */
export interface WorkerSettings {
  /** The module of `--with`. */
  readonly subject?: string;
}

/** What a thread says of a run. */
export type WorkerAnswer = Outcome | { readonly kind: "refused"; readonly reason: string };

export interface SimWorkerOptions extends WorkerSettings {
  /** A run that takes longer, in real milliseconds, counts as one that never ends. */
  readonly patienceMs: number;
}

/** Starts its thread at the first run, and anew after a run that broke it. */
export class SimWorker implements Runner {
  readonly #options: SimWorkerOptions;
  #worker: Worker | undefined;
  /** Ends the run that is under way. */
  #settle: ((answer: WorkerAnswer | undefined) => void) | undefined;
  #started = 0;
  #stopped = false;

  constructor(options: SimWorkerOptions) {
    this.#options = options;
  }

  /** @throws UsageError when there is no such run. */
  async run(run: Run): Promise<Outcome | undefined> {
    if (this.#stopped) return undefined;
    const { patienceMs } = this.#options;
    const worker = (this.#worker ??= this.#start());
    this.#started = performance.now();
    const tooLong = setTimeout(() => {
      this.#break(worker, `it had not ended after ${patienceMs / 1000} s of real time`);
    }, patienceMs);
    try {
      const answer = await new Promise<WorkerAnswer | undefined>((resolve) => {
        this.#settle = resolve;
        worker.postMessage(run);
      });
      if (answer?.kind === "refused") throw new UsageError(answer.reason);
      return answer;
    } finally {
      clearTimeout(tooLong);
      this.#settle = undefined;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#end();
    this.#settle?.(undefined);
  }

  #start(): Worker {
    const { subject } = this.#options;
    const worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: subject === undefined ? {} : { subject },
    });
    worker.on("message", (answer: WorkerAnswer) => this.#settle?.(answer));
    worker.on("error", (error) => this.#break(worker, error.stack ?? error.message));
    worker.on("exit", (status) => this.#break(worker, `its thread ended by itself, with status ${status}`));
    return worker;
  }

  #break(worker: Worker, reason: string): void {
    // Else it has been ended here already.
    if (this.#worker !== worker) return;
    this.#end();
    this.#settle?.({ kind: "broken", reason, busyMs: performance.now() - this.#started });
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}
