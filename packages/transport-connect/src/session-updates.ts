import { RequestError, type ClientHandler } from "@paxos/core";
import type { ClientUpdate, GloballyOrderedUpdate } from "@paxos/proto";
import { countedBytes, UpdateAllowance } from "@paxos/transport-kit";
import type { Http2Session } from "node:http2";

/** Streams of updates that one connection may have open; answers may wait on each. */
export const maxUpdateStreams = 64;

const sessions = new WeakMap<Http2Session, SessionUpdates>();

/** What one HTTP/2 connection has under way in updates, whatever streams and calls they come on. */
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
      const why = `${maxUpdateStreams} streams of updates of this connection are open already; one is enough for all updates`;
      throw new RequestError("busy", why);
    }
    this.#streams++;
    return () => void this.#streams--;
  }

  /** Has one update ordered that comes as a call of its own. */
  async order(
    handler: Pick<ClientHandler, "clientUpdate">,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    const { allowance } = this;
    const bytes = countedBytes(update);
    if (!allowance.take(bytes)) throw new RequestError("busy", allowance.full);
    let abandoned = false;
    const onAbort = (): void => {
      abandoned = true;
      allowance.abandon(bytes);
    };
    signal.addEventListener("abort", onAbort);
    try {
      return await handler.clientUpdate(update, signal);
    } finally {
      signal.removeEventListener("abort", onAbort);
      allowance.release(bytes, abandoned);
    }
  }
}
