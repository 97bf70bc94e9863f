// Exactly once: which updates of which clients have been executed, and what the answers were.
import type { OrderedUpdate } from "./outbox.js";

/**
 * The bounds of the table. They are part of the replicated state: the same on every node, or nodes would
 * differ.
 */
const bounds = {
  /** Clients remembered; over that, the one whose last new update lies furthest back is forgotten. */
  clients: 10_000,
  /**
   * Answers remembered per client at least; at twice as many, those with the lowest timestamps are forgotten.
   */
  answersPerClient: 1024,
  /** Bytes of answers remembered in all; over that, whole clients are forgotten as above. */
  bytes: 64 * 1024 * 1024,
};

/** What became of an ordered update. */
export type Execution =
  /** It was executed now. */
  | { readonly kind: "executed"; readonly seq: number; readonly result: Uint8Array }
  /** It had been executed at an earlier seq; this is the answer it got then. */
  | { readonly kind: "duplicate"; readonly seq: number; readonly result: Uint8Array }
  /** It is older than what its client's session remembers; it was not executed now. */
  | { readonly kind: "expired" };

interface Session {
  /** Timestamps up to here are forgotten. */
  forgottenUpTo: bigint;
  readonly answers: Map<bigint, { readonly seq: number; readonly result: Uint8Array }>;
  bytes: number;
}

/**
 * The table of executed updates (safety rule 6). It changes with each update that is applied and with nothing
 * else, so that it is the same everywhere at the same seq.
 *
 * A client may have up to 1,024 updates under way, in any order. An update is recognised as long as its
 * client is one of the 10,000 last active and the update is among that client's 1,024 highest timestamps;
 * answers count as long as all of them together take up to 64 MiB.
 */
export class Sessions {
  /** In the order of the clients' last new updates. */
  #sessions = new Map<bigint, Session>();
  #bytes = 0;

  /** How many clients are remembered. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * What is remembered of an update, without executing it. Undefined when it has not been executed, as far as
   * is remembered.
   */
  find(clientId: bigint, timestamp: bigint): Exclude<Execution, { kind: "executed" }> | undefined {
    const session = this.#sessions.get(clientId);
    const answer = session?.answers.get(timestamp);
    if (answer !== undefined) return { kind: "duplicate", ...answer };
    if (session !== undefined && timestamp <= session.forgottenUpTo) return { kind: "expired" };
    return undefined;
  }

  /** Executes an update unless it has been, and remembers the answer. Not for no-ops. */
  execute(ordered: OrderedUpdate, apply: (update: Uint8Array, seq: number) => Uint8Array): Execution {
    const { seq, clientId, timestamp, update } = ordered;
    const before = this.find(clientId, timestamp);
    if (before !== undefined) return before;
    // A copy: what the state machine gave may be a view of something large.
    const result = apply(update, seq).slice();
    this.#remember(clientId, timestamp, seq, result);
    return { kind: "executed", seq, result };
  }

  #remember(clientId: bigint, timestamp: bigint, seq: number, result: Uint8Array): void {
    const session = this.#sessions.get(clientId) ?? { forgottenUpTo: -1n, answers: new Map(), bytes: 0 };
    // Last in the order of the map: the last to be forgotten.
    this.#sessions.delete(clientId);
    this.#sessions.set(clientId, session);
    session.answers.set(timestamp, { seq, result });
    session.bytes += result.length;
    this.#bytes += result.length;
    if (session.answers.size >= 2 * bounds.answersPerClient)
      this.#forgetOldest(session, bounds.answersPerClient);
    while (session.bytes > bounds.bytes && session.answers.size > 1)
      this.#forgetOldest(session, session.answers.size >> 1);
    for (const [id, oldest] of this.#sessions) {
      if (this.#sessions.size <= bounds.clients && this.#bytes <= bounds.bytes) break;
      if (oldest === session) break;
      this.#sessions.delete(id);
      this.#bytes -= oldest.bytes;
    }
  }

  // Half of them at once, so that the sorting costs little per update.
  #forgetOldest(session: Session, kept: number): void {
    const timestamps = [...session.answers.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    for (const timestamp of timestamps.slice(0, timestamps.length - kept)) {
      const size = session.answers.get(timestamp)?.result.length ?? 0;
      session.answers.delete(timestamp);
      session.bytes -= size;
      this.#bytes -= size;
      session.forgottenUpTo = timestamp;
    }
  }
}
