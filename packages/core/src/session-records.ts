// The table of sessions as records of a snapshot.
import { create } from "@bufbuild/protobuf";
import { ClientSessionSchema, type ClientSession } from "@paxos/proto";

/** What was answered to an update. */
interface Answer {
  readonly seq: number;
  readonly result: Uint8Array;
}

/** One client's session. */
export interface Session {
  /** The seq of its registration; undefined when the client has chosen its id itself, and not registered. */
  registered: number | undefined;
  /** Timestamps up to here are forgotten; -1 while none is. */
  forgottenUpTo: bigint;
  answers: Map<bigint, Answer>;
  /** What its answers count for. */
  bytes: number;
}

/** A record holds so many answers, or bytes of results, at most; a session with more takes several. */
const mostAnswers = 1024;
const mostBytes = 256 * 1024;

/** A session as records, one or more. */
function* recordsOf(clientId: bigint, session: Session): Iterable<ClientSession> {
  const { registered, forgottenUpTo, answers } = session;
  const head = {
    clientId,
    ...(registered === undefined ? {} : { registered: BigInt(registered) }),
    ...(forgottenUpTo < 0n ? {} : { forgottenUpTo }),
  };
  let record = create(ClientSessionSchema, head);
  let bytes = 0;
  for (const [timestamp, { seq, result }] of answers) {
    if (
      record.answers.length > 0 &&
      (record.answers.length >= mostAnswers || bytes + result.length > mostBytes)
    ) {
      record.continued = true;
      yield record;
      record = create(ClientSessionSchema, head);
      bytes = 0;
    }
    record.answers.push({ $typeName: "paxos.v1.SessionAnswer", timestamp, seq: BigInt(seq), result });
    bytes += result.length;
  }
  yield record;
}

/**
 * A copy of the table as it was at one moment, which costs nothing for sessions that do not change while it is taken:
 * a session is copied when it is about to change.
 */
export class SessionCopy {
  readonly #sessions: readonly (readonly [bigint, Session])[];
  readonly #untouched: Set<Session>;
  readonly #copies = new Map<Session, Session>();

  constructor(sessions: Iterable<readonly [bigint, Session]>) {
    this.#sessions = [...sessions];
    this.#untouched = new Set(this.#sessions.map(([, session]) => session));
  }

  /** This session is about to change. */
  preserve(session: Session): void {
    if (!this.#untouched.delete(session)) return;
    this.#copies.set(session, { ...session, answers: new Map(session.answers) });
  }

  /** The records, once. */
  *records(): Iterable<ClientSession> {
    for (const [clientId, session] of this.#sessions) {
      // Not all of a session's records may be taken at once.
      this.preserve(session);
      const copy = this.#copies.get(session) ?? session;
      this.#copies.delete(session);
      yield* recordsOf(clientId, copy);
    }
  }
}
