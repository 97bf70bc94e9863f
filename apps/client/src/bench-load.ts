// The load of a benchmark: clients that each keep so many updates under way, and what comes of it.
import { randomBytes } from "node:crypto";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

import { type Client, SubmitError } from "@paxos/client";

import type { Environment } from "./environment.js";

/** The pause of what has just failed: many that fail at once must not keep the program from anything else. */
const PAUSE_MS = 10;

/** When enough has been submitted. */
export type BenchEnd = { readonly updates: number } | { readonly durationMs: number };

export interface BenchLoadOptions {
  readonly clients: readonly Client[];
  /** Of each client. */
  readonly inFlight: number;
  /** Bytes of each update. */
  readonly size: number;
  readonly end: BenchEnd;
  readonly environment: Environment;
}

/** What has been measured so far. */
export interface BenchFigures {
  readonly seconds: number;
  readonly ordered: number;
  readonly failed: number;
  /** How many failed, by the code of the error. */
  readonly errors: Readonly<Record<string, number>>;
  /** From an update's submission to its answer; undefined before the first. */
  readonly latencyMs: Readonly<Record<Quantile, number>> | undefined;
}

export const QUANTILES = ["min", "p50", "p90", "p99", "p99.9", "max"] as const;
type Quantile = (typeof QUANTILES)[number];

export class BenchLoad {
  readonly #options: BenchLoadOptions;
  readonly #update: Buffer;
  /** In microseconds. */
  readonly #latencies: RecordableHistogram = createHistogram();
  readonly #errors = new Map<string, number>();
  #submitted = 0;
  #ordered = 0;
  #since = 0;
  #until: number | undefined;

  constructor(options: BenchLoadOptions) {
    this.#options = options;
    this.#update = randomBytes(options.size);
  }

  /** Has one update of each client ordered, which is not counted: it connects the client, and registers it. */
  async warmUp(): Promise<void> {
    const { clients, environment } = this.#options;
    const { signal } = environment.interrupt;
    await Promise.all(clients.map((client) => client.submit(this.#update, { signal })));
  }

  /** Resolves when everything that was submitted has ended, or at once when the program is to end. */
  async run(): Promise<void> {
    const { clients, inFlight, environment } = this.#options;
    this.#since = environment.now();
    const lanes = clients.flatMap((client) => Array.from({ length: inFlight }, () => this.#lane(client)));
    await Promise.all(lanes);
    this.#until = environment.now();
  }

  /** From 0 to 1. */
  get progress(): number {
    const { end } = this.#options;
    const done =
      "updates" in end ? (this.#ordered + this.#failed) / end.updates : this.#elapsed / end.durationMs;
    return Math.min(1, done);
  }

  figures(): BenchFigures {
    return {
      seconds: this.#elapsed / 1000,
      ordered: this.#ordered,
      failed: this.#failed,
      errors: Object.fromEntries(this.#errors),
      latencyMs: this.#ordered === 0 ? undefined : quantilesOf(this.#latencies),
    };
  }

  get #elapsed(): number {
    return (this.#until ?? this.#options.environment.now()) - this.#since;
  }

  get #failed(): number {
    return [...this.#errors.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One update after another. */
  async #lane(client: Client): Promise<void> {
    const { environment } = this.#options;
    const { signal } = environment.interrupt;
    while (this.#takesMore && !signal.aborted) {
      this.#submitted++;
      const since = environment.now();
      try {
        await client.submit(this.#update, { signal });
        this.#ordered++;
        this.#latencies.record(Math.max(1, Math.round((environment.now() - since) * 1000)));
      } catch (error) {
        if (!(error instanceof SubmitError)) throw error;
        if (signal.aborted) return;
        this.#errors.set(error.code, (this.#errors.get(error.code) ?? 0) + 1);
        await environment.wait(PAUSE_MS, signal);
      }
    }
  }

  get #takesMore(): boolean {
    const { end } = this.#options;
    return "updates" in end ? this.#submitted < end.updates : this.#elapsed < end.durationMs;
  }
}

function quantilesOf(microseconds: RecordableHistogram): Record<Quantile, number> {
  const at = (percentile: number): number => microseconds.percentile(percentile) / 1000;
  return {
    min: microseconds.min / 1000,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    "p99.9": at(99.9),
    max: microseconds.max / 1000,
  };
}
