// A request that only the leader serves: the leader is found, and found again when it is lost.
import { membersOf, RequestError } from "@paxos/core";
import type { EpochRecord } from "@paxos/proto";
import { requestErrorOf } from "./asking.js";
import type { ClientEnvironment } from "./environment.js";
import { leadsItself, type MembersAnswer } from "./newest-members.js";
import { Patience } from "./patience.js";
import { pause } from "./pause.js";
import type { Servers } from "./servers.js";
import { isTimeout } from "./signals.js";

/** For how long a refusal is not believed after an attempt without an answer: it may be that very attempt that is under way. */
const DOUBT_MS = 5_000;

/** Who leads. */
interface Leader {
  readonly nodeId: bigint;
  readonly address: string;
  /** The membership in which it does. */
  readonly record: EpochRecord;
}

/** What is asked of it. */
export interface LeaderTask<T> {
  /** For messages, such as "the change". */
  readonly name: string;
  /** Asks it. `doubted`: the leader that was asked first without an answer; the request may have been served already. */
  send(leader: Leader, doubted: Leader | undefined, signal: AbortSignal): Promise<T>;
  /** What an attempt without an answer has brought about, when that is to be seen by now. */
  seen(leader: Leader, doubted: Leader): T | undefined;
}

interface Parts {
  readonly servers: Servers;
  readonly environment: ClientEnvironment;
}

/**
 * Has the leader serve the request; tries again when it does not lead any more, or cannot be reached, until the signal is aborted.
 * Rejects with a RequestError: `invalid`, `refused` or `not_leader` (none was found in time) when nothing has changed.
 */
export function askLeader<T>(parts: Parts, task: LeaderTask<T>, signal: AbortSignal): Promise<T> {
  return new LeaderRequest(parts, task, signal).run();
}

class LeaderRequest<T> {
  #doubted: Leader | undefined;
  /** From when on a refusal is believed, after a first one. */
  #believeAt: number | undefined;
  #trouble = "nobody was asked";

  constructor(
    private readonly parts: Parts,
    private readonly task: LeaderTask<T>,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<T> {
    const { environment } = this.parts;
    const patience = new Patience(environment);
    for (;;) {
      if (this.signal.aborted) throw this.#endedError();
      const leader = await this.#find();
      const done = leader && (await this.#attempt(leader));
      if (done !== undefined) return done.answer;
      await pause(environment, patience.nextPauseMs(), this.signal);
    }
  }

  async #find(): Promise<Leader | undefined> {
    try {
      const leader = leaderOf(await this.parts.servers.members(this.signal));
      if (leader === undefined) this.#trouble = "the servers know no leader";
      return leader;
    } catch (error) {
      if (!this.signal.aborted) this.#trouble = requestErrorOf(error).message;
      return undefined;
    }
  }

  /** Undefined when it is to be tried again. */
  async #attempt(leader: Leader): Promise<{ readonly answer: T } | undefined> {
    const seen = this.#doubted && this.task.seen(leader, this.#doubted);
    if (seen !== undefined) return { answer: seen };
    if (this.signal.aborted) return undefined;
    try {
      return { answer: await this.task.send(leader, this.#doubted, this.signal) };
    } catch (thrown) {
      const error = requestErrorOf(thrown);
      this.#trouble = `server ${leader.address}: ${error.message}`;
      switch (error.code) {
        case "invalid":
        case "refused":
        case "too_large":
        case "expired":
          this.#onRefused(error);
          break;
        case "not_leader":
        case "busy":
          break;
        case "unavailable":
        case "timed_out":
        case "cancelled":
          this.#doubted ??= leader;
      }
      return undefined;
    }
  }

  /** Throws it, unless it may be about an attempt of this very request. */
  #onRefused(error: RequestError): void {
    if (this.#doubted === undefined) throw error;
    const now = this.parts.environment.now();
    this.#believeAt ??= now + DOUBT_MS;
    if (now < this.#believeAt) return;
    throw new RequestError("unavailable", `${error.message}; ${this.#doubt}`, { cause: error });
  }

  /** The caller does not want to wait any longer. */
  #endedError(): RequestError {
    const timeout = isTimeout(this.signal);
    const cause: unknown = this.signal.reason;
    if (this.#doubted !== undefined) {
      const code = timeout ? "timed_out" : "cancelled";
      return new RequestError(code, `no answer until the end: ${this.#trouble}; ${this.#doubt}`, { cause });
    }
    const message = `no leader was found until the end: ${this.#trouble}; ${this.task.name} was not made`;
    return new RequestError(timeout ? "not_leader" : "cancelled", message, { cause });
  }

  get #doubt(): string {
    return `${this.task.name} may or may not have been made, by an attempt that had no answer: look at the members`;
  }
}

/** Its address is that under which it has answered, or else that in the record: not all servers need be known here. */
function leaderOf(answer: MembersAnswer): Leader | undefined {
  const { leaderId, epochRecord: record } = answer.members;
  if (leaderId === undefined || record === undefined) return undefined;
  const address = leadsItself(answer)
    ? answer.address
    : membersOf(record).find(({ nodeId }) => nodeId === leaderId)?.address;
  return address === undefined ? undefined : { nodeId: leaderId, address, record };
}
