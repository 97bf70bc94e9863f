// The servers: which of them answer, and which of them leads.
import { RequestError, type ClientTransport, type Logger } from "@paxos/core";
import type { EpochRecord, MembersResponse, StatusResponse } from "@paxos/proto";
import { ask, askAll, type Asked } from "./asking.js";
import type { ClientEnvironment } from "./environment.js";
import { KnownMembers } from "./known-members.js";
import { newestMembers, type MembersAnswer } from "./newest-members.js";
import { isAddress } from "./options.js";
import { isTimeout } from "./signals.js";

/** How long a server that failed is left alone before it is asked again. */
const REST_MS = 1_000;

/** How soon the servers are asked again who they are, when that brought nothing; doubled up to the second. */
const FIRST_ASK_MS = 1_000;
const LONGEST_ASK_MS = 30_000;

/** How often at most all are asked who the members are, because one has failed; and one of them, because it has been so long. */
const REFRESH_MS = 1_000;
const LOOK_MS = 10_000;

/** One of the servers. */
export interface Server {
  /** host:port. */
  readonly address: string;
}

interface Entry extends Server {
  /** Whether it was given, rather than learnt from the cluster. */
  readonly given: boolean;
  /** Known once its status was, or from the membership. */
  nodeId: bigint | undefined;
  /** When it is to be asked again; undefined while nothing is known against it. One that is learnt has to answer first. */
  askAgainAt: number | undefined;
  /** When it last answered an update. */
  answeredAt: number;
  /** Whether anything was known for it. */
  proven: boolean;
  probing: boolean;
}

/** Keeps which servers there are, which are reachable and which one leads, and picks among them. */
export class Servers {
  #entries: readonly Entry[];
  readonly #members = new KnownMembers();
  readonly #probes = new Set<AbortController>();
  #leaderId: bigint | undefined;
  #leader: Entry | undefined;
  #askIdsAt = -Infinity;
  #askIdsMs = FIRST_ASK_MS;
  /** Whether the cluster says who its members are. */
  #tellsMembers = false;
  #learning: Promise<void> | undefined;
  #refreshAt = -Infinity;
  #lookAt = -Infinity;
  #used = false;
  #closed = false;

  constructor(
    private readonly parts: {
      readonly servers: readonly string[];
      readonly transport: ClientTransport;
      readonly environment: ClientEnvironment;
      readonly logger: Logger;
      readonly discover: boolean;
    },
  ) {
    this.#entries = parts.servers.map((address) => ({
      address,
      given: true,
      nodeId: undefined,
      askAgainAt: undefined,
      answeredAt: -Infinity,
      proven: true,
      probing: false,
    }));
  }

  /** The addresses of all. */
  get addresses(): string[] {
    return this.#entries.map(({ address }) => address);
  }

  /**
   * One that has not been tried: the leader if it is known, else the one that was `asked` before, else any; of those
   * that are not known to have failed if there are such, and of the members. Undefined when all have been tried.
   */
  pick(tried?: ReadonlySet<Server>, asked?: Server): Server | undefined {
    if (!this.#used) this.#firstUse();
    this.#askFailedAgain();
    this.#look();
    for (const first of [this.#leader, asked as Entry | undefined]) {
      if (first !== undefined && first.askAgainAt === undefined && tried?.has(first) !== true) return first;
    }
    const left = this.#entries.filter((entry) => tried?.has(entry) !== true);
    const reachable = left.filter((entry) => entry.askAgainAt === undefined);
    const members = reachable.filter(({ nodeId }) => this.#members.mayBe(nodeId));
    const candidates = [members, reachable, left].find(({ length }) => length > 0) ?? [];
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
    if (this.#closed) return;
    this.#refresh();
    if (!isNews) return;
    this.#findLeader();
    const next = this.#entries.length > 1 ? "trying elsewhere" : "trying again";
    this.parts.logger.info(`server ${entry.address}: ${reason}; ${next}`);
  }

  /** Asks every server for its status, at once; then those that are learnt thereby. */
  async statuses(signal: AbortSignal): Promise<ServerStatus[]> {
    const first = this.#entries;
    const statuses = await this.#statusesOf(first, signal);
    if (signal.aborted) return statuses;
    await this.#learning;
    const others = this.#entries.filter((entry) => !first.includes(entry));
    return [...statuses, ...(await this.#statusesOf(others, signal))];
  }

  /** The address of the first server that says what it does. Rejects with a RequestError when none does. */
  async firstThatAnswers(signal: AbortSignal): Promise<string> {
    const { answers, end } = askAll(this.#entries, signal, (...how) => this.#askStatus(...how));
    try {
      const failures: string[] = [];
      const first = answers.map(async (answer) => {
        const asked = await answer;
        if ("answer" in asked) return asked.address;
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

  /** Asks every server who belongs to the cluster; see {@link newestMembers}. Rejects with a RequestError. */
  async members(signal: AbortSignal): Promise<MembersAnswer> {
    const { answers, end } = askAll(this.#entries, signal, (...how) => this.#askMembers(...how));
    try {
      return await newestMembers(answers, this.#members.epoch ?? 0n);
    } catch (cause) {
      if (!signal.aborted) throw cause;
      const code = isTimeout(signal) ? "timed_out" : "cancelled";
      throw new RequestError(code, "nobody has answered until the request was cancelled", { cause });
    } finally {
      end();
    }
  }

  /** The cluster has answered with its new membership. */
  changed(record: EpochRecord): void {
    if (this.parts.discover && this.#members.replace(record)) this.#useMembers();
  }

  /** Ends what is under way in the background. */
  close(): void {
    this.#closed = true;
    for (const probe of this.#probes) probe.abort();
  }

  async #statusesOf(entries: readonly Entry[], signal: AbortSignal): Promise<ServerStatus[]> {
    const { answers, end } = askAll(entries, signal, (...how) => this.#askStatus(...how));
    try {
      const all = await Promise.all(answers);
      return all.map((asked) =>
        "error" in asked ? asked : { address: asked.address, status: asked.answer },
      );
    } finally {
      end();
    }
  }

  // Never rejects.
  async #askStatus(entry: Entry, controller: AbortController): Promise<Asked<StatusResponse>> {
    const { transport, environment } = this.parts;
    const asked = await ask(environment, entry.address, controller, (...to) => transport.status(...to));
    if ("answer" in asked) {
      const { nodeId, leaderId, epochRecord } = asked.answer;
      this.#identified(entry, nodeId, leaderId);
      if (epochRecord !== undefined) this.#heardOf(entry, epochRecord);
    }
    return asked;
  }

  // Never rejects.
  async #askMembers(entry: Entry, controller: AbortController): Promise<Asked<MembersResponse>> {
    const { transport, environment, discover } = this.parts;
    const asked = await ask(environment, entry.address, controller, (...to) => transport.members(...to));
    if ("answer" in asked) {
      this.#identified(entry, asked.answer.nodeId, asked.answer.leaderId);
      if (discover && this.#members.take(asked.answer)) this.#useMembers();
    }
    return asked;
  }

  #identified(entry: Entry, nodeId: bigint, leaderId: bigint | undefined): void {
    if (entry.nodeId !== nodeId) {
      entry.nodeId = nodeId;
      this.#askIdsMs = FIRST_ASK_MS;
    }
    // An answered update tells better who leads: it has just been ordered.
    this.#leaderId ??= leaderId;
    if (entry.askAgainAt !== undefined) this.#isBack(entry);
    this.#findLeader();
  }

  /** A status does not say of which cluster its record is. */
  #heardOf(entry: Entry, record: EpochRecord): void {
    this.#tellsMembers = true;
    if (!this.parts.discover || this.#closed || this.#learning !== undefined) return;
    if (!this.#members.isNews(record)) return;
    const controller = new AbortController();
    this.#probes.add(controller);
    this.#learning = this.#askMembers(entry, controller).then(() => {
      this.#probes.delete(controller);
      this.#learning = undefined;
    });
  }

  /** Members that were not known are added, and those that are no members any more left out unless they were given. */
  #useMembers(): void {
    const { environment, logger } = this.parts;
    const members = this.#members.list.filter(({ address }) => isAddress(address));
    const addresses = new Map(members.map((member) => [member.address, member]));
    const kept = this.#entries.filter(({ given, address }) => given || addresses.has(address));
    for (const entry of kept) {
      entry.nodeId ??= addresses.get(entry.address)?.nodeId;
      addresses.delete(entry.address);
    }
    const learnt = [...addresses.values()].map(({ address, nodeId }): Entry => ({
      address,
      given: false,
      nodeId,
      askAgainAt: environment.now(),
      answeredAt: -Infinity,
      proven: false,
      probing: false,
    }));
    this.#entries = [...kept, ...learnt];
    if (!this.#members.mayBe(this.#leaderId)) this.#leaderId = undefined;
    this.#findLeader();
    for (const entry of learnt) {
      if (logger.verbose) logger.debug(`server ${entry.address}: is node ${entry.nodeId} of the cluster`);
      void this.#probe(entry);
    }
  }

  #led(leaderId: bigint): void {
    this.#leaderId = leaderId;
    this.#findLeader();
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

  /** It may be known under two addresses, of which one is not reached from here, or not any more. */
  #findLeader(): void {
    const leader = this.#leaderId;
    const known = this.#entries.filter(({ nodeId }) => nodeId !== undefined && nodeId === leader);
    this.#leader = known.find(({ askAgainAt }) => askAgainAt === undefined) ?? known[0];
  }

  #firstUse(): void {
    this.#used = true;
    this.#lookAt = this.parts.environment.now() + LOOK_MS;
    for (const entry of this.#entries) void this.#probe(entry);
  }

  /** Beside the work: a server that has come back is found without an update having to wait for it. */
  #askFailedAgain(): void {
    const now = this.parts.environment.now();
    for (const entry of this.#entries) {
      if (entry.askAgainAt !== undefined && now >= entry.askAgainAt) void this.#probe(entry);
    }
  }

  /** A server has failed: it may have been replaced. */
  #refresh(): void {
    const now = this.parts.environment.now();
    if (!this.parts.discover || !this.#tellsMembers || now < this.#refreshAt) return;
    this.#refreshAt = now + REFRESH_MS;
    for (const entry of this.#entries) if (entry.askAgainAt === undefined) void this.#probe(entry);
  }

  /** Members may change one after another without a failure that would be noticed here, until all that are known are gone. */
  #look(): void {
    const now = this.parts.environment.now();
    if (!this.parts.discover || !this.#tellsMembers || now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    const entry = this.#leader ?? this.#entries.find(({ askAgainAt }) => askAgainAt === undefined);
    if (entry !== undefined) void this.#probe(entry);
  }

  // Never rejects.
  async #probe(entry: Entry): Promise<void> {
    if (entry.probing || this.#closed) return;
    entry.probing = true;
    const controller = new AbortController();
    this.#probes.add(controller);
    const since = this.parts.environment.now();
    const asked = await this.#askStatus(entry, controller);
    this.#probes.delete(controller);
    entry.probing = false;
    if ("error" in asked) this.failed(entry, since, asked.error.message);
  }

  #isBack(entry: Entry): void {
    entry.askAgainAt = undefined;
    if (entry.proven) this.parts.logger.info(`server ${entry.address}: answers again`);
    entry.proven = true;
  }
}

/** What a server says it does, or why it says nothing. */
export type ServerStatus =
  | { readonly address: string; readonly status: StatusResponse }
  | { readonly address: string; readonly error: RequestError };
