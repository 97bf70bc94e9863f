// A thread that does one run at a time.
import { Worker } from "node:worker_threads";

import type { Runner } from "./hunt.js";
import type { Outcome, Run } from "./run.js";

/** What a thread is started with. */
export interface WorkerSettings {
  /** The module of `--with`. */
  readonly subject?: string;
}

export interface SimWorkerOptions extends WorkerSettings {
  /** A run that takes longer, in real milliseconds, counts as one that never ends. */
  readonly patienceMs: number;
}

/** Starts its thread at the first run, and anew after a run that broke it. */
export class SimWorker implements Runner {
  readonly #options: SimWorkerOptions;
  #worker: Worker | undefined;
  /** Ends the run that is under way. */
  #settle: ((outcome: Outcome | undefined) => void) | undefined;
  #started = 0;
  #stopped = false;

  constructor(options: SimWorkerOptions) {
    this.#options = options;
  }

  async run(run: Run): Promise<Outcome | undefined> {
    if (this.#stopped) return undefined;
    const { patienceMs } = this.#options;
    const worker = (this.#worker ??= this.#start());
    this.#started = performance.now();
    const tooLong = setTimeout(() => {
      this.#break(worker, `it had not ended after ${patienceMs / 1000} s of real time`);
    }, patienceMs);
    try {
      return await new Promise<Outcome | undefined>((resolve) => {
        this.#settle = resolve;
        worker.postMessage(run);
      });
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
    worker.on("message", (outcome: Outcome) => this.#settle?.(outcome));
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
