// Servers before a model cluster, and a network that does to requests and answers whatever may happen to them.
import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  StatusResponseSchema,
  UpdateKind,
  type BackupPiece,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogResponse,
  type StatusResponse,
} from "@paxos/proto";
import type { ModelCluster, ModelOutcome } from "./model-cluster.js";
import type { VirtualTime } from "./virtual-time.js";

/** How likely each thing is, from 0 to 1. */
export interface Faults {
  readonly dropRequest: number;
  readonly dropAnswer: number;
  readonly double: number;
  /** A copy or an answer that takes up to a minute instead of up to 30 ms. */
  readonly delay: number;
  readonly busy: number;
  /** The connection breaks; the request may have got through. */
  readonly cut: number;
  /** A transport that does not react to its signal. */
  readonly deaf: number;
  /** A hint that names the wrong server, or none that exists. */
  readonly wrongHint: number;
}

export const calm: Faults = {
  dropRequest: 0,
  dropAnswer: 0,
  double: 0,
  delay: 0,
  busy: 0,
  cut: 0,
  deaf: 0,
  wrongHint: 0,
};

/** Updates with this text are too large for the servers. */
export const TOO_LARGE = "too large";

export class HostileNetwork implements ClientTransport {
  faults: Faults = calm;
  leader = 0;
  readonly down = new Set<number>();
  readonly #servers: readonly string[];
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #cluster: ModelCluster;
  readonly #watcher: Watcher;

  constructor(parts: {
    readonly servers: readonly string[];
    readonly time: VirtualTime;
    readonly random: () => number;
    readonly cluster: ModelCluster;
    readonly watcher: Watcher;
  }) {
    this.#servers = parts.servers;
    this.#time = parts.time;
    this.#random = parts.random;
    this.#cluster = parts.cluster;
    this.#watcher = parts.watcher;
  }

  clientUpdate(address: string, update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    this.#watcher.onSent(update);
    const server = this.#servers.indexOf(address);
    return new Promise((resolve, reject) => {
      const { faults } = this;
      if (!this.#happens(faults.deaf)) failWhenAborted(signal, reject);
      const fail = (ms: number, code: "busy" | "too_large" | "unavailable"): void => {
        this.#time.after(ms, () => reject(new RequestError(code, `${code} at ${address}`)));
      };
      if (this.down.has(server)) return fail(this.#delay(), "unavailable");
      if (new TextDecoder().decode(update.update).startsWith(TOO_LARGE))
        return fail(this.#delay(), "too_large");
      if (this.#happens(faults.busy)) return fail(this.#delay(), "busy");
      if (this.#happens(faults.cut)) fail(this.#delay(), "unavailable");
      if (this.#happens(faults.dropRequest)) return;
      let isFirst = true;
      const copies = this.#happens(faults.double) ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        this.#time.after(this.#delay(), () => {
          const outcome = this.#cluster.order(update);
          // The server answers with what it sees first.
          if (!isFirst) return;
          isFirst = false;
          if (this.#happens(faults.dropAnswer)) return;
          this.#time.after(this.#delay(), () => this.#answer(update, outcome, resolve, reject));
        });
      }
    });
  }

  status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    const nodeId = this.#servers.indexOf(address);
    return new Promise((resolve, reject) => {
      failWhenAborted(signal, reject);
      if (this.#happens(this.faults.dropRequest)) return;
      this.#time.after(this.#delay(), () => {
        if (this.down.has(nodeId)) reject(new RequestError("unavailable", `${address} is down`));
        else resolve(create(StatusResponseSchema, { nodeId: BigInt(nodeId), leaderId: this.#hint() }));
      });
    });
  }

  query(): Promise<never> {
    return Promise.reject(new RequestError("invalid", "the model has no state"));
  }

  async *log(): AsyncGenerator<LogResponse> {
    // Not asked for here, nor what follows.
  }

  takeSnapshot(): Promise<never> {
    return Promise.reject(new RequestError("invalid", "the model has no snapshots"));
  }

  async *backup(): AsyncGenerator<BackupPiece> {}

  members(): Promise<never> {
    return Promise.reject(new RequestError("invalid", "the model has no members"));
  }

  changeMembership(): Promise<never> {
    return this.members();
  }

  transferLeadership(): Promise<never> {
    return this.members();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(
    update: ClientUpdate,
    outcome: ModelOutcome,
    resolve: (answer: GloballyOrderedUpdate) => void,
    reject: (error: Error) => void,
  ): void {
    if (outcome.kind !== "ordered") {
      if (outcome.kind === "expired") this.#watcher.onExpired(update);
      return reject(new RequestError(outcome.kind, `the cluster said ${outcome.kind}`));
    }
    const { duplicate, seq, result } = outcome;
    this.#watcher.onAnswered(update);
    const leaderId = this.#hint();
    resolve(create(GloballyOrderedUpdateSchema, { seq: BigInt(seq), result, duplicate, leaderId }));
  }

  #hint(): bigint {
    return this.#happens(this.faults.wrongHint)
      ? BigInt(Math.floor(this.#random() * 5))
      : BigInt(this.leader);
  }

  #happens(probability: number): boolean {
    return this.#random() < probability;
  }

  #delay(): number {
    return this.#random() * (this.#happens(this.faults.delay) ? 60_000 : 30);
  }
}

/** Sees what passes, and holds the client to its promises. */
export class Watcher {
  /** The longest span of timestamps seen. */
  span = 0;
  sessions = 0;
  /** What a client said it has had answers to, at most. */
  readonly #said = new Map<bigint, bigint>();
  readonly #texts = new Map<string, string>();
  readonly #over = new Set<string>();
  readonly #wrongs: string[] = [];

  constructor(
    private readonly window: number,
    private readonly settled: ReadonlySet<string>,
  ) {}

  onSent(update: ClientUpdate): void {
    const { clientId, timestamp, answeredUpTo, kind, session } = update;
    if (kind === UpdateKind.REGISTER) return;
    const text = new TextDecoder().decode(update.update);
    const key = `${clientId}/${timestamp}`;
    const before = this.#texts.get(key);
    if (before !== undefined && before !== text) this.#wrong(`${key} was "${before}" and is "${text}" now`);
    this.#texts.set(key, text);
    if (session === 0n) this.#wrong(`${key} was sent without a session`);
    this.span = Math.max(this.span, Number(timestamp - answeredUpTo));
    if (timestamp > answeredUpTo + BigInt(this.window))
      this.#wrong(`${key} lies too far above ${answeredUpTo}`);
    const said = this.#said.get(clientId) ?? 0n;
    if (timestamp <= said) this.#wrong(`${key} was sent after ${said} was said to be answered`);
    if (answeredUpTo < said) this.#wrong(`${key} takes back ${said} for ${answeredUpTo}`);
    if (said === 0n && answeredUpTo === 0n && timestamp === 1n) this.sessions++;
    this.#said.set(clientId, answeredUpTo);
    for (let t = said + 1n; t <= answeredUpTo; t++) this.#checkSettled(`${clientId}/${t}`);
  }

  onAnswered({ clientId, timestamp }: ClientUpdate): void {
    this.#over.add(`${clientId}/${timestamp}`);
  }

  onExpired({ clientId, timestamp }: ClientUpdate): void {
    this.#over.add(`${clientId}/${timestamp}`);
  }

  /** What the client did that it must not do. */
  get wrongs(): readonly string[] {
    return this.#wrongs;
  }

  #checkSettled(key: string): void {
    const text = this.#texts.get(key);
    if (text === undefined) return this.#wrong(`${key} is said to be answered and was never sent`);
    if (!this.#over.has(key) && !this.settled.has(text)) {
      // A promise that is settled is seen to be so a little later.
      queueMicrotask(() =>
        queueMicrotask(() => {
          if (!this.settled.has(text)) this.#wrong(`${key} is said to be answered, and is open`);
        }),
      );
    }
  }

  #wrong(what: string): void {
    this.#wrongs.push(what);
  }
}

function failWhenAborted(signal: AbortSignal, reject: (error: Error) => void): void {
  const abort = (): void => reject(new RequestError("cancelled", "the request was cancelled"));
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
}
