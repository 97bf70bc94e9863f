import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";

// Node does not let the socket of a session be destroyed through the session.
const sockets = new WeakMap<Http2Session, Socket>();

/** Says on which socket a session runs, so that {@link hangUp} can end both. */
export function runsOn(session: Http2Session, socket: Socket): void {
  sockets.set(session, socket);
}

/**
 * Ends a session and its connection at once. Destroying the session alone waits for a write under way, and a
 * stalled peer may never take those bytes.
 */
export function hangUp(session: Http2Session, error?: Error): void {
  if (!session.destroyed) session.destroy(error);
  sockets.get(session)?.destroy();
}

/** Hangs up, and resolves when the connection is gone. */
export function hungUp(session: Http2Session): Promise<void> {
  const socket = sockets.get(session);
  return new Promise((resolve) => {
    if (socket === undefined || socket.closed) return resolve();
    socket.once("close", () => resolve());
    hangUp(session);
  });
}
