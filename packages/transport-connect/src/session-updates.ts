import { RequestError, type ClientHandler } from "@paxos/core";
import type { ClientUpdate, GloballyOrderedUpdate, QueryRequest, QueryResponse } from "@paxos/proto";
import { countedBytes, countedQueryBytes, UpdateAllowance } from "@paxos/transport-kit";
import type { Http2Session } from "node:http2";

/** Streams of updates and queries that one connection may have open; answers may wait on each. */
export const maxUpdateStreams = 64;

const sessions = new WeakMap<Http2Session, SessionUpdates>();

/** What one HTTP/2 connection has under way in updates and queries, whatever streams and calls they come on. */
export class SessionUpdates {
  readonly allowance = new UpdateAllowance();
  #streams = 0;

  /** Those of a session; of a request that has none any more, those of nobody. */
  static of(session: Http2Session | undefined): SessionUpdates {
    const known = session === undefined ? undefined : sessions.get(session);
    const updates = known ?? new SessionUpdates();
    if (session !== undefined) sessions.set(session, updates);
    return updates;
  }

  /** Counts a stream until the returned function is called. Throws a RequestError when there are too many. */
  openStream(): () => void {
    if (this.#streams >= maxUpdateStreams) {
      const why = `${maxUpdateStreams} streams of updates of this connection are open already; one is enough for all updates and queries`;
      throw new RequestError("busy", why);
    }
    this.#streams++;
    return () => void this.#streams--;
  }

  /** Has one update ordered that comes as a call of its own. */
  order(
    handler: Pick<ClientHandler, "clientUpdate">,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    return this.#counted(countedBytes(update), signal, () => handler.clientUpdate(update, signal));
  }

  /** Has one query answered that comes as a call of its own. */
  ask(
    handler: Pick<ClientHandler, "query">,
    request: QueryRequest,
    signal: AbortSignal,
  ): Promise<QueryResponse> {
    return this.#counted(countedQueryBytes(request), signal, () => handler.query(request, signal));
  }

  async #counted<T>(bytes: number, signal: AbortSignal, serve: () => Promise<T>): Promise<T> {
    const { allowance } = this;
    if (!allowance.take(bytes)) throw new RequestError("busy", allowance.full);
    let abandoned = false;
    const onAbort = (): void => {
      abandoned = true;
      allowance.abandon(bytes);
    };
    signal.addEventListener("abort", onAbort);
    try {
      return await serve();
    } finally {
      signal.removeEventListener("abort", onAbort);
      allowance.release(bytes, abandoned);
    }
  }
}
