// The servers of the hostfile, and which of them answer.
import { type ClientTransport, RequestError } from "@paxos/core";
import type { HostfileMember } from "@paxos/hostfile";
import type { StatusResponse } from "@paxos/proto";

import { type Environment, within } from "./environment.js";

/** How long a server may take to say what it is doing before it counts as not reached. */
const PROBE_TIMEOUT_MS = 2_000;

/** How long a server that failed is left alone before it is asked again. */
const REST_MS = 1_000;

/** What a server answered, or why it did not. */
export type Probe =
  | { readonly member: HostfileMember; readonly status: StatusResponse }
  | { readonly member: HostfileMember; readonly reason: string };

/** Asks one server for its status. Never rejects. */
export async function probe(
  transport: ClientTransport,
  member: HostfileMember,
  signal: AbortSignal,
): Promise<Probe> {
  try {
    const status = await within(PROBE_TIMEOUT_MS, signal, (inner) => transport.status(member.address, inner));
    return { member, status };
  } catch (error) {
    return { member, reason: reasonOf(error, PROBE_TIMEOUT_MS) };
  }
}

/** Says why a request failed, for people. */
export function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof RequestError && error.code === "cancelled")
    return `no answer within ${timeoutMs / 1000} s`;
  return error instanceof Error ? error.message : String(error);
}

/** How servers are written in messages. */
export function describeServer({ nodeId, address }: HostfileMember): string {
  return `server ${nodeId} (${address})`;
}

/** Keeps which servers are reachable, and picks among them. */
export class Servers {
  readonly #members: readonly HostfileMember[];
  readonly #transport: ClientTransport;
  readonly #environment: Pick<Environment, "now" | "random" | "interrupt">;
  /** Those that failed, and when each is to be asked again. */
  readonly #failed = new Map<HostfileMember, number>();

  constructor(
    members: readonly HostfileMember[],
    transport: ClientTransport,
    environment: Pick<Environment, "now" | "random" | "interrupt">,
  ) {
    this.#members = members;
    this.#transport = transport;
    this.#environment = environment;
  }

  /** Asks all servers, and remembers which of them answered. */
  async connect(): Promise<Probe[]> {
    return Promise.all(this.#members.map((member) => this.#probe(member)));
  }

  /** A random server that has not been tried: a reachable one if there is one. Undefined when all have been tried. */
  pick(tried: ReadonlySet<HostfileMember>): HostfileMember | undefined {
    this.#askAgain();
    const left = this.#members.filter((member) => !tried.has(member));
    const reachable = left.filter((member) => !this.#failed.has(member));
    const candidates = reachable.length > 0 ? reachable : left;
    return candidates[Math.floor(this.#environment.random() * candidates.length)];
  }

  /** The server has answered. */
  answered(member: HostfileMember): void {
    this.#failed.delete(member);
  }

  /** The server could not be reached, or did not answer. Returns whether that is news. */
  failed(member: HostfileMember): boolean {
    const news = !this.#failed.has(member);
    this.#failed.set(member, this.#environment.now() + REST_MS);
    return news;
  }

  /** Beside the work: a server that has come back is found without a line having to wait for it. */
  #askAgain(): void {
    const now = this.#environment.now();
    for (const [member, due] of this.#failed) {
      if (now < due) continue;
      this.#failed.set(member, Infinity);
      void this.#probe(member);
    }
  }

  async #probe(member: HostfileMember): Promise<Probe> {
    const result = await probe(this.#transport, member, this.#environment.interrupt.signal);
    if ("status" in result) this.answered(member);
    else this.failed(member);
    return result;
  }
}
