// A random run of a client against a hostile network, on virtual time: the same for the same seed.
import { getEventListeners } from "node:events";
import { connect, SubmitError, type Ordered } from "../src/index.js";
import { calm, HostileNetwork, TOO_LARGE, Watcher, type Faults } from "./hostile-network.js";
import { ModelCluster } from "./model-cluster.js";
import { seeded, VirtualTime, virtualEnvironment } from "./virtual-time.js";

export interface ScheduleOptions {
  readonly seed: number;
  readonly updates: number;
  /** How many updates are submitted at once, on average. */
  readonly bunch: number;
  /** How long the faults last, in ms of virtual time. */
  readonly stormMs: number;
  readonly window: number;
  readonly maxWaiting: number;
}

/** How often what happened. */
export type Tally = Record<
  "ordered" | "rejected" | "unknown" | "duplicates" | "expired" | "resent" | "span" | SubmitError["code"],
  number
>;

interface Submitted {
  readonly text: string;
  readonly deadline: number;
  readonly result: Promise<void>;
  end: Ordered | SubmitError | undefined;
}

const SERVERS = ["a:1", "b:2", "c:3"];
const TIMEOUTS = [50, 500, 5_000, 30_000, 30_000, Infinity];

/** Runs one schedule. Rejects with everything the client did wrong, and the seed. */
export async function runSchedule(options: ScheduleOptions): Promise<Tally> {
  return new Schedule(options).run();
}

class Schedule {
  readonly #time = new VirtualTime();
  readonly #random: () => number;
  readonly #cluster: ModelCluster;
  readonly #network: HostileNetwork;
  readonly #watcher: Watcher;
  readonly #client;
  readonly #signal = new AbortController();
  readonly #settled = new Set<string>();
  readonly #submitted: Submitted[] = [];
  readonly #wrongs: string[] = [];
  #closed = false;

  constructor(private readonly options: ScheduleOptions) {
    const { seed, window, maxWaiting } = options;
    this.#random = seeded(seed);
    this.#cluster = new ModelCluster(window);
    this.#watcher = new Watcher(window, this.#settled);
    this.#network = new HostileNetwork({
      servers: SERVERS,
      time: this.#time,
      random: this.#random,
      cluster: this.#cluster,
      watcher: this.#watcher,
    });
    const environment = virtualEnvironment(this.#time, this.#random, window);
    this.#client = connect({ servers: SERVERS, transport: this.#network, maxWaiting, environment });
  }

  async run(): Promise<Tally> {
    const { updates, bunch, stormMs } = this.options;
    this.#network.faults = this.#anyFaults();
    const closes = this.#random() < 0.1;
    for (let i = 0; i < updates; i++) {
      if (this.#random() < 1 / bunch) await this.#pass(this.#random() * (stormMs / updates) * 2 * bunch);
      this.#submit(i);
    }
    if (closes) await this.#close();
    await this.#pass(this.#random() * stormMs);
    // From here on every update can be ordered, and what the storm held back comes.
    this.#network.faults = calm;
    this.#network.down.clear();
    for (let i = 0; i < 5; i++) {
      this.#submit(updates + i, 30_000);
      await this.#pass(40_000);
    }
    await this.#pass(120_000);
    this.#check();
    await this.#close();
    await this.#pass(120_000);
    this.#checkNothingIsLeft();
    if (this.#wrongs.length > 0) {
      throw new Error(`seed ${this.options.seed}: ${this.#wrongs.slice(0, 5).join("; ")}`);
    }
    return this.#tally();
  }

  #submit(number: number, timeoutMs?: number): void {
    const isCalm = timeoutMs !== undefined;
    const text = !isCalm && this.#random() < 0.03 ? `${TOO_LARGE} ${number}` : `update ${number}`;
    const ms = timeoutMs ?? TIMEOUTS[Math.floor(this.#random() * TIMEOUTS.length)] ?? Infinity;
    const own = !isCalm && this.#random() < 0.1 ? new AbortController() : undefined;
    const signal = own?.signal ?? (this.#random() < 0.3 ? this.#signal.signal : undefined);
    const started = this.#time.now();
    const submitting = this.#client.submit(new TextEncoder().encode(text), {
      timeoutMs: ms,
      ...(signal === undefined ? {} : { signal }),
    });
    const settle = (end: Ordered | SubmitError): void => {
      this.#settled.add(text);
      submitted.end = end;
      if (this.#time.now() > submitted.deadline)
        this.#wrongs.push(`${text} settled at ${this.#time.now()}, its deadline was ${submitted.deadline}`);
    };
    const result = submitting.then(settle, (error: unknown) => {
      if (!(error instanceof SubmitError)) throw error;
      settle(error);
    });
    const submitted: Submitted = { text, deadline: started + ms, result, end: undefined };
    this.#submitted.push(submitted);
    if (own !== undefined) this.#time.after(this.#random() * 10_000, () => own.abort());
  }

  /** Lets time pass, with changes of the cluster in between. */
  async #pass(ms: number): Promise<void> {
    const end = this.#time.now() + ms;
    while (this.#time.now() < end) {
      await this.#time.pass(Math.min(end - this.#time.now(), this.#random() * 5_000));
      if (this.#network.faults === calm) continue;
      const chance = this.#random();
      if (chance < 0.15) this.#network.leader = Math.floor(this.#random() * SERVERS.length);
      else if (chance < 0.35) this.#network.down.add(Math.floor(this.#random() * SERVERS.length));
      else if (chance < 0.6) this.#network.down.clear();
      else if (chance < 0.75) this.#cluster.forget();
      else if (chance < 0.8) this.#network.faults = this.#anyFaults();
    }
  }

  /** Each schedule has faults of some kinds, seldom or often, and none of the others. */
  #anyFaults(): Faults {
    const some = (): number => (this.#random() < 0.5 ? 0 : this.#random() ** 2 * 0.7);
    return {
      dropRequest: some(),
      dropAnswer: some(),
      double: some(),
      delay: some(),
      busy: some(),
      cut: some(),
      deaf: some(),
      wrongHint: some(),
    };
  }

  async #close(): Promise<void> {
    this.#closed = true;
    await this.#client.close();
  }

  #check(): void {
    this.#wrongs.push(...this.#watcher.wrongs);
    const ends = new Map(this.#submitted.map(({ text, end }) => [text, end]));
    for (const [text, seqs] of this.#cluster.executions) {
      if (seqs.length > 1) this.#wrongs.push(`${text} was executed at ${seqs.join(" and ")}`);
      const end = ends.get(text);
      if (end?.outcome === "rejected")
        this.#wrongs.push(`${text} was executed at ${seqs[0]}, and rejected: ${end.message}`);
    }
    for (const { text, end } of this.#submitted) {
      if (end === undefined) this.#wrongs.push(`${text} is open`);
      if (end?.outcome !== "ordered") continue;
      const seq = this.#cluster.executions.get(text)?.[0];
      const result = new TextDecoder().decode(end.result);
      if (end.seq !== seq || result !== `${text} at ${seq}`)
        this.#wrongs.push(
          `${text} was ordered as ${end.seq} with "${result}"; it was executed at ${String(seq)}`,
        );
    }
    if (this.#closed) return;
    for (const { text, end } of this.#submitted.slice(-5)) {
      if (end?.outcome !== "ordered")
        this.#wrongs.push(`${text}, after the storm: ${end?.message ?? "open"}`);
    }
  }

  #checkNothingIsLeft(): void {
    if (this.#time.timers > 0) this.#wrongs.push(`${this.#time.timers} timers are left`);
    const listeners = getEventListeners(this.#signal.signal, "abort").length;
    if (listeners > 0) this.#wrongs.push(`${listeners} listeners are left`);
  }

  #tally(): Tally {
    const ends = this.#submitted.map(({ end }) => end);
    const outcome = (name: string): number => ends.filter((end) => end?.outcome === name).length;
    const code = (name: string): number =>
      ends.filter((end) => end instanceof SubmitError && end.code === name).length;
    return {
      ordered: outcome("ordered"),
      rejected: outcome("rejected"),
      unknown: outcome("unknown"),
      duplicates: this.#cluster.duplicates,
      expired: code("expired"),
      resent: Math.max(0, this.#watcher.sessions - 1),
      span: this.#watcher.span,
      busy: code("busy"),
      too_large: code("too_large"),
      invalid: code("invalid"),
      timed_out: code("timed_out"),
      unavailable: code("unavailable"),
      cancelled: code("cancelled"),
    };
  }
}
