// Exactly once: which updates of which clients have been executed, and what the answers were.
import { UpdateKind, type ClientSession } from "@paxos/proto";
import type { OrderedUpdate } from "./outbox.js";
import { SessionCopy, type Session } from "./session-records.js";

/**
 * The bounds of the table. They are part of the replicated state: the same on every node and for the life of the
 * cluster, or nodes would differ.
 */
export interface SessionBounds {
  /** Clients remembered; over that, the one whose last new update lies furthest back is forgotten. */
  readonly clients: number;
  /**
   * Answers remembered per client at least; at twice as many, those with the lowest timestamps are forgotten.
   */
  readonly answersPerClient: number;
  /**
   * Bytes of one client's answers; over that, half of them, those with the lowest timestamps, are forgotten. The latest
   * always stays.
   */
  readonly bytesPerClient: number;
  /** Bytes of all answers; over that, whole clients are forgotten as above. */
  readonly bytes: number;
}

const MiB = 1024 * 1024;

const defaultBounds: SessionBounds = {
  clients: 10_000,
  answersPerClient: 1024,
  bytesPerClient: 16 * MiB,
  bytes: 256 * MiB,
};

/** What an answer counts for, in bytes, besides its result: about what the entries around it take. */
const answerBytes = 384;

/**
 * Of a registered session: how far above what its client has had answers to a timestamp may lie. So nothing is
 * forgotten that the client may still ask for, as long as its answers keep within their bytes.
 */
export const sessionWindow = 1024;

const window = BigInt(sessionWindow);

const nothing: Uint8Array = new Uint8Array();

/** What became of an ordered update. */
export type Execution =
  /** It was executed now; of a registration: the session was made, and `seq` is its id. */
  | { readonly kind: "executed"; readonly seq: number; readonly result: Uint8Array }
  /** It had been executed at an earlier seq; this is the answer it got then. */
  | { readonly kind: "duplicate"; readonly seq: number; readonly result: Uint8Array }
  /** Its session is forgotten, or it is older than what the session remembers; it was not executed now. */
  | { readonly kind: "expired" };

/** What tells an update from all others. What is left out is 0. */
export type UpdateIdentity = Pick<OrderedUpdate, "clientId" | "timestamp"> &
  Partial<Pick<OrderedUpdate, "kind" | "session">>;

/**
 * The table of executed updates (safety rule 6). It changes with each update that is applied and with nothing
 * else, so that it is the same everywhere at the same seq.
 *
 * A client may have up to 1,024 updates under way, in any order. An update is recognised as long as its
 * client is one of the 10,000 last active and the update is among that client's 1,024 highest timestamps; and
 * as long as the answers of one client take up to 16 MiB, those of all 256 MiB, 384 bytes counted for each
 * besides its result.
 *
 * A client that is forgotten and comes back is new to the table: a late copy of an update that it sent before would be
 * executed again. A registered session rules that out. Its updates name the seq of its registration, which no
 * later session of any client has; once it is forgotten, they are expired for ever.
 */
export class Sessions {
  /** In the order of the clients' last new updates. */
  #sessions = new Map<bigint, Session>();
  /** The last of them. */
  #latest: Session | undefined;
  #bytes = 0;
  /** The snapshot being taken. */
  #copy: SessionCopy | undefined;
  /** The session whose records are being restored, as long as more of them follow. */
  #restoring: Session | undefined;
  readonly #bounds: SessionBounds;

  /** @param bounds the same on every node and after every restart. */
  constructor(bounds: Partial<SessionBounds> = {}) {
    this.#bounds = { ...defaultBounds, ...bounds };
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * What is remembered of an update, without executing it. Undefined when it has not been executed, as far as
   * is remembered.
   */
  find(update: UpdateIdentity): Exclude<Execution, { kind: "executed" }> | undefined {
    const found = this.#sessions.get(update.clientId);
    return found && findIn(found, update);
  }

  /** Executes an update unless it has been, and remembers the answer. Not for no-ops. */
  execute(ordered: OrderedUpdate, apply: (update: Uint8Array, seq: number) => Uint8Array): Execution {
    const { seq, clientId, timestamp, update, session, answeredUpTo } = ordered;
    const found = this.#sessions.get(clientId);
    if (ordered.kind !== UpdateKind.REGISTER && session !== 0n) {
      if (found === undefined || !belongsTo(found, session)) return { kind: "expired" };
      this.#forgetUpTo(found, answeredUpTo);
      if (timestamp > found.forgottenUpTo + window) return { kind: "expired" };
    }
    const before = found && findIn(found, ordered);
    if (before !== undefined) return before;
    if (ordered.kind === UpdateKind.REGISTER) return this.#register(clientId, seq);
    const result = copyOf(apply(update, seq));
    this.#remember(clientId, timestamp, seq, result);
    return { kind: "executed", seq, result };
  }

  /**
   * The table as it stands now, in records. They may be taken one by one while updates are executed, which do not show in
   * them. One at a time: the next call ends the one before.
   */
  snapshot(): Iterable<ClientSession> {
    const copy = (this.#copy = new SessionCopy(this.#sessions));
    return this.#records(copy);
  }

  *#records(copy: SessionCopy): Iterable<ClientSession> {
    try {
      yield* copy.records();
    } finally {
      if (this.#copy === copy) this.#copy = undefined;
    }
  }

  /**
   * Takes the next record of a snapshot. For a table that is new; when it has had all records, in their order, it is what
   * it was when the snapshot was taken.
   */
  restore({ clientId, registered, forgottenUpTo = -1n, answers, continued }: ClientSession): void {
    const session = this.#restoring ?? this.#touch(clientId);
    session.registered = registered === undefined ? undefined : Number(registered);
    session.forgottenUpTo = forgottenUpTo;
    for (const { timestamp, seq, result } of answers) {
      const size = answerBytes + result.length;
      // A copy: what is decoded is a view of a whole chunk.
      session.answers.set(timestamp, { seq: Number(seq), result: result.slice() });
      session.bytes += size;
      this.#bytes += size;
    }
    this.#restoring = continued ? session : undefined;
  }

  #register(clientId: bigint, seq: number): Execution {
    const session = this.#touch(clientId);
    session.registered = seq;
    this.#forgetClients(session);
    return { kind: "executed", seq, result: new Uint8Array() };
  }

  /** The client's session, made if there is none, as the last in the order of the map: the last to be forgotten. */
  #touch(clientId: bigint): Session {
    const session: Session = this.#sessions.get(clientId) ?? {
      registered: undefined,
      forgottenUpTo: -1n,
      answers: new Map(),
      bytes: 0,
    };
    this.#copy?.preserve(session);
    if (session === this.#latest) return session;
    this.#sessions.delete(clientId);
    this.#sessions.set(clientId, session);
    this.#latest = session;
    return session;
  }

  #remember(clientId: bigint, timestamp: bigint, seq: number, result: Uint8Array): void {
    const session = this.#touch(clientId);
    const { answersPerClient, bytesPerClient } = this.#bounds;
    const size = answerBytes + result.length;
    session.answers.set(timestamp, { seq, result });
    session.bytes += size;
    this.#bytes += size;
    if (session.answers.size >= 2 * answersPerClient) this.#forgetOldest(session, answersPerClient);
    while (session.bytes > bytesPerClient && session.answers.size > 1)
      this.#forgetOldest(session, session.answers.size >> 1);
    this.#forgetClients(session);
  }

  /** Keeps the table within its bounds; `session` is the last to go. */
  #forgetClients(session: Session): void {
    if (this.#fits) return;
    for (const [id, oldest] of this.#sessions) {
      if (oldest === session || this.#fits) break;
      this.#sessions.delete(id);
      this.#bytes -= oldest.bytes;
    }
  }

  get #fits(): boolean {
    return this.#sessions.size <= this.#bounds.clients && this.#bytes <= this.#bounds.bytes;
  }

  // Half of them at once, so that the sorting costs little per update.
  #forgetOldest(session: Session, kept: number): void {
    const timestamps = [...session.answers.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    for (const timestamp of timestamps.slice(0, timestamps.length - kept)) {
      this.#forget(session, timestamp);
      session.forgottenUpTo = timestamp;
    }
  }

  /** The client has had the answers up to this timestamp. */
  #forgetUpTo(session: Session, timestamp: bigint): void {
    if (timestamp <= session.forgottenUpTo) return;
    this.#copy?.preserve(session);
    // What the client says may be any number.
    if (timestamp - session.forgottenUpTo <= BigInt(session.answers.size)) {
      for (let t = session.forgottenUpTo + 1n; t <= timestamp; t++) this.#forget(session, t);
    } else {
      for (const t of session.answers.keys()) if (t <= timestamp) this.#forget(session, t);
    }
    session.forgottenUpTo = timestamp;
  }

  #forget(session: Session, timestamp: bigint): void {
    const answer = session.answers.get(timestamp);
    if (answer === undefined) return;
    const size = answerBytes + answer.result.length;
    session.answers.delete(timestamp);
    session.bytes -= size;
    this.#bytes -= size;
  }
}

function findIn(
  found: Session,
  { timestamp, kind, session = 0n }: UpdateIdentity,
): Exclude<Execution, { kind: "executed" }> | undefined {
  if (kind === UpdateKind.REGISTER) {
    const seq = found.registered;
    return seq === undefined ? undefined : { kind: "duplicate", seq, result: nothing };
  }
  if (!belongsTo(found, session)) return undefined;
  const answer = found.answers.get(timestamp);
  if (answer !== undefined) return { kind: "duplicate", ...answer };
  return timestamp <= found.forgottenUpTo ? { kind: "expired" } : undefined;
}

/** What the state machine gave may be a view of something large. */
function copyOf(result: Uint8Array): Uint8Array {
  return result.length === 0 ? nothing : result.slice();
}

/** Whether an update that names this session, or none, is one of this session's. */
function belongsTo(session: Session, named: bigint): boolean {
  return named === 0n || (session.registered !== undefined && BigInt(session.registered) === named);
}
