// Updates of one client of the library, many under way: what an application sends that is in a hurry, or in no hurry.
import { randomFillSync } from "node:crypto";
import { connect, type Client } from "@paxos/client";
import { percentile } from "./statistics.js";
import { newClientTransport, type TransportName } from "./transports.js";

export interface PipelinedLoadOptions {
  readonly addresses: readonly string[];
  readonly transport: TransportName;
  readonly updateBytes: number;
  /** The most that are under way. */
  readonly inFlight: number;
  /** Linearizable reads in place of updates. */
  readonly reads?: boolean;
  /** Makes what is sent. Default: random bytes. */
  readonly nextUpdate?: (bytes: number) => Uint8Array;
  /**
   * At a steady rate, latencies count from when an update was due, and none is left out that could not be sent in time: waiting for a turn
   * is waiting, too. Default: they count from when it is sent.
   */
  readonly sinceDue?: boolean;
  /** Told of each update when it is acknowledged. */
  readonly onOrdered?: (update: Uint8Array, seq: number) => void;
}

/** What was measured between two looks. */
export interface Window {
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** Not zeros: storage compresses what it can. */
const noise = randomFillSync(new Uint8Array(4 * 1024 ** 2));

/** Not to be changed: they are shared. */
export function randomBytes(count: number): Uint8Array {
  const from = Math.floor(Math.random() * (noise.length - count));
  return noise.subarray(from, from + count);
}

/** Submits until it is stopped: as fast as it can, or as many per second as it is told. */
export class PipelinedLoad {
  /** How many were answered, in all. */
  answered = 0;
  readonly #client: Client;
  readonly #options: PipelinedLoadOptions;
  #underWay = 0;
  #onAnswer: () => void = () => undefined;
  #latencies: number[] = [];
  #since = performance.now();
  #perSecond: number;
  #owed = 0;
  #last = performance.now();
  #stopped = false;
  #abandoned = false;
  readonly #done: Promise<void>;

  constructor(options: PipelinedLoadOptions, perSecond = Infinity) {
    this.#options = options;
    this.#perSecond = perSecond;
    this.#client = connect({
      servers: options.addresses,
      transport: newClientTransport(options.transport),
      timeoutMs: Infinity,
    });
    this.#done = this.#run();
  }

  /** From now on so many per second. */
  pace(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#owed = 0;
  }

  /** What has been measured since the last look. */
  look(): Window {
    const now = performance.now();
    const sorted = this.#latencies.sort((a, b) => a - b);
    const seconds = (now - this.#since) / 1000;
    this.#latencies = [];
    this.#since = now;
    return {
      seconds,
      perSecond: Math.round(sorted.length / seconds),
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      p999: percentile(sorted, 0.999),
    };
  }

  /** Measures for so many seconds. */
  async measure(seconds: number): Promise<Window> {
    this.look();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return this.look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    while (this.#underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.#client.close();
  }

  /** Stops without waiting for answers, which may never come. */
  async abandon(): Promise<void> {
    this.#stopped = this.#abandoned = true;
    await this.#client.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { inFlight } = this.#options;
    while (!this.#stopped) {
      const now = performance.now();
      this.#owe(now);
      while (this.#owed >= 1 && this.#underWay < inFlight) {
        this.#submit(
          this.#countsWaiting ? now - ((this.#owed - 1) * 1000) / this.#perSecond : performance.now(),
        );
        this.#owed--;
      }
      if (this.#underWay >= inFlight) await new Promise<void>((resolve) => (this.#onAnswer = resolve));
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #owe(now: number): void {
    const more = ((now - this.#last) * this.#perSecond) / 1000;
    this.#last = now;
    if (this.#perSecond === Infinity) this.#owed = Infinity;
    else if (this.#countsWaiting) this.#owed += more;
    // What cannot be sent in time is not made up for in a burst.
    else this.#owed = Math.min(this.#owed + more, this.#perSecond / 10);
  }

  get #countsWaiting(): boolean {
    return this.#options.sinceDue === true && this.#perSecond < Infinity;
  }

  /** @param started when its latency begins. */
  #submit(started: number): void {
    const { updateBytes, nextUpdate = randomBytes, onOrdered, reads } = this.#options;
    const update = nextUpdate(updateBytes);
    this.#underWay++;
    // With time without end it is answered in the end.
    const end = (reads === true ? this.#client.read(update) : this.#client.submit(update)).then(({ seq }) => {
      this.answered++;
      this.#latencies.push(performance.now() - started);
      onOrdered?.(update, seq);
    });
    void end.catch(this.#onFailure).then(() => {
      this.#underWay--;
      this.#onAnswer();
    });
  }

  readonly #onFailure = (error: unknown): void => {
    if (!this.#abandoned) throw error;
  };
}
