// The servers: which of them answer, and which of them leads.
import { RequestError, type ClientTransport, type Logger } from "@paxos/core";
import type { StatusResponse } from "@paxos/proto";
import type { ClientEnvironment } from "./environment.js";

/** How long a server that failed is left alone before it is asked again. */
const REST_MS = 1_000;

/** How long a server may take to say what it is doing. */
const PROBE_TIMEOUT_MS = 2_000;

/** How long a transport may take to notice that its signal was aborted. */
const GRACE_MS = 100;

/** How soon the servers are asked again who they are, when that brought nothing; doubled up to the second. */
const FIRST_ASK_MS = 1_000;
const LONGEST_ASK_MS = 30_000;

/** One of the servers. */
export interface Server {
  /** host:port. */
  readonly address: string;
}

interface Entry extends Server {
  /** Known once its status was. */
  nodeId: bigint | undefined;
  /** When it is to be asked again; undefined while nothing is known against it. */
  askAgainAt: number | undefined;
  /** When it last answered an update. */
  answeredAt: number;
  probing: boolean;
}

/** Keeps which servers are reachable and which one leads, and picks among them. */
export class Servers {
  readonly #entries: readonly Entry[];
  readonly #byNodeId = new Map<bigint, Entry>();
  readonly #probes = new Set<AbortController>();
  #leaderId: bigint | undefined;
  #leader: Entry | undefined;
  #askIdsAt = -Infinity;
  #askIdsMs = FIRST_ASK_MS;
  #used = false;
  #closed = false;

  constructor(
    private readonly parts: {
      readonly servers: readonly string[];
      readonly transport: ClientTransport;
      readonly environment: ClientEnvironment;
      readonly logger: Logger;
    },
  ) {
    this.#entries = parts.servers.map((address) => ({
      address,
      nodeId: undefined,
      askAgainAt: undefined,
      answeredAt: -Infinity,
      probing: false,
    }));
  }

  /**
   * One that has not been tried: the leader if it is known, else the one that was `asked` before, else any; of those
   * that are not known to have failed if there are such. Undefined when all have been tried.
   */
  pick(tried?: ReadonlySet<Server>, asked?: Server): Server | undefined {
    if (!this.#used) this.#firstUse();
    this.#askFailedAgain();
    for (const first of [this.#leader, asked as Entry | undefined]) {
      if (first !== undefined && first.askAgainAt === undefined && tried?.has(first) !== true) return first;
    }
    const left = this.#entries.filter((entry) => tried?.has(entry) !== true);
    const reachable = left.filter((entry) => entry.askAgainAt === undefined);
    const candidates = reachable.length > 0 ? reachable : left;
    return candidates[Math.floor(this.parts.environment.random() * candidates.length)];
  }

  /** The server has answered an update, and says who leads if it knows. */
  answered(server: Server, leaderId?: bigint): void {
    const entry = server as Entry;
    entry.answeredAt = this.parts.environment.now();
    if (entry.askAgainAt !== undefined) this.#isBack(entry);
    if (leaderId !== undefined && leaderId !== this.#leaderId) this.#led(leaderId);
  }

  /** The server could not be reached, or did not answer an update sent to it at `since`. */
  failed(server: Server, since: number, reason: string): void {
    const entry = server as Entry;
    // It has answered a later one: it was that update's turn, or an old connection, that was at fault.
    if (entry.answeredAt > since) return;
    const isNews = entry.askAgainAt === undefined;
    entry.askAgainAt = this.parts.environment.now() + REST_MS;
    if (!isNews || this.#closed) return;
    const next = this.#entries.length > 1 ? "trying elsewhere" : "trying again";
    this.parts.logger.info(`server ${entry.address}: ${reason}; ${next}`);
  }

  /** Asks every server for its status, at once. */
  async statuses(signal: AbortSignal): Promise<ServerStatus[]> {
    const { answers, end } = this.#askAll(signal);
    try {
      return await Promise.all(answers);
    } finally {
      end();
    }
  }

  /** The address of the first server that says what it does. Rejects with a RequestError when none does. */
  async firstThatAnswers(signal: AbortSignal): Promise<string> {
    const { answers, end } = this.#askAll(signal);
    try {
      const failures: string[] = [];
      const first = answers.map(async (answer) => {
        const asked = await answer;
        if ("status" in asked) return asked.address;
        failures.push(`server ${asked.address}: ${asked.error.message}`);
        throw asked.error;
      });
      return await Promise.any(first).catch((cause: unknown) => {
        if (signal.aborted) throw new RequestError("cancelled", "the request was cancelled", { cause });
        throw new RequestError("unavailable", `no server answers: ${failures.join("; ")}`, { cause });
      });
    } finally {
      end();
    }
  }

  /** Ends what is under way in the background. */
  close(): void {
    this.#closed = true;
    for (const probe of this.#probes) probe.abort();
  }

  #askAll(signal: AbortSignal): { readonly answers: Promise<ServerStatus>[]; readonly end: () => void } {
    const asked = this.#entries.map((entry) => ({ entry, controller: new AbortController() }));
    const abort = (): void => {
      for (const { controller } of asked) controller.abort(signal.reason);
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    const answers = asked.map(({ entry, controller }) => this.#ask(entry, controller));
    const end = (): void => {
      signal.removeEventListener("abort", abort);
      abort();
    };
    return { answers, end };
  }

  // Never rejects.
  async #ask(entry: Entry, controller: AbortController): Promise<ServerStatus> {
    const { transport, environment } = this.parts;
    const { address } = entry;
    let stop = (): void => undefined;
    const deaf = new Promise<never>((_, reject) => {
      const error = new RequestError(
        "timed_out",
        `no answer from ${address} within ${PROBE_TIMEOUT_MS / 1000} s`,
      );
      stop = environment.after(PROBE_TIMEOUT_MS, () => {
        controller.abort(new DOMException("no answer in time", "TimeoutError"));
        stop = environment.after(GRACE_MS, () => reject(error));
      });
    });
    try {
      const status = await Promise.race([transport.status(address, controller.signal), deaf]);
      this.#identified(entry, status);
      if (entry.askAgainAt !== undefined) this.#isBack(entry);
      return { address, status };
    } catch (error) {
      return { address, error: requestErrorOf(error) };
    } finally {
      stop();
    }
  }

  #identified(entry: Entry, { nodeId, leaderId }: StatusResponse): void {
    if (entry.nodeId !== nodeId) {
      if (entry.nodeId !== undefined && this.#byNodeId.get(entry.nodeId) === entry)
        this.#byNodeId.delete(entry.nodeId);
      entry.nodeId = nodeId;
      this.#byNodeId.set(nodeId, entry);
      this.#askIdsMs = FIRST_ASK_MS;
    }
    // An answered update tells better who leads: it has just been ordered.
    this.#leaderId ??= leaderId;
    if (this.#leaderId !== undefined) this.#leader = this.#byNodeId.get(this.#leaderId);
  }

  #led(leaderId: bigint): void {
    this.#leaderId = leaderId;
    this.#leader = this.#byNodeId.get(leaderId);
    if (this.#leader !== undefined) {
      if (this.parts.logger.verbose)
        this.parts.logger.debug(`node ${leaderId} leads: server ${this.#leader.address}`);
      return;
    }
    const now = this.parts.environment.now();
    if (now < this.#askIdsAt) return;
    this.#askIdsAt = now + this.#askIdsMs;
    this.#askIdsMs = Math.min(2 * this.#askIdsMs, LONGEST_ASK_MS);
    for (const entry of this.#entries) void this.#probe(entry);
  }

  #firstUse(): void {
    this.#used = true;
    for (const entry of this.#entries) void this.#probe(entry);
  }

  /** Beside the work: a server that has come back is found without an update having to wait for it. */
  #askFailedAgain(): void {
    const now = this.parts.environment.now();
    for (const entry of this.#entries) {
      if (entry.askAgainAt !== undefined && now >= entry.askAgainAt) void this.#probe(entry);
    }
  }

  // Never rejects.
  async #probe(entry: Entry): Promise<void> {
    if (entry.probing || this.#closed) return;
    entry.probing = true;
    const controller = new AbortController();
    this.#probes.add(controller);
    const since = this.parts.environment.now();
    const asked = await this.#ask(entry, controller);
    this.#probes.delete(controller);
    entry.probing = false;
    if ("error" in asked) this.failed(entry, since, asked.error.message);
  }

  #isBack(entry: Entry): void {
    entry.askAgainAt = undefined;
    this.parts.logger.info(`server ${entry.address}: answers again`);
  }
}

/** What a server says it does, or why it says nothing. */
export type ServerStatus =
  | { readonly address: string; readonly status: StatusResponse }
  | { readonly address: string; readonly error: RequestError };

/** Whatever a transport rejected with; anything but a RequestError is a fault of its own. */
export function requestErrorOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RequestError("unavailable", `the transport failed: ${message}`, { cause: error });
}
