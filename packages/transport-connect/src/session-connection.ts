import type { Connection } from "@paxos/transport-kit";
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";

// Node does not let the socket of a session be destroyed through the session.
const connections = new WeakMap<Http2Session, SessionConnection>();

/** An HTTP/2 session and the socket on which it runs. */
export class SessionConnection implements Connection {
  constructor(
    private readonly session: Http2Session,
    private readonly socket: Socket,
  ) {
    connections.set(session, this);
  }

  get remote(): string {
    if (this.session.destroyed) return "a peer that has gone";
    const { remoteAddress = "?", remotePort = "?" } = this.socket;
    return `${remoteAddress}:${remotePort}`;
  }

  get bytesRead(): number {
    return this.session.destroyed ? 0 : this.socket.bytesRead;
  }

  ping(onAnswer: () => void): void {
    // On a session that is destroyed but not closed yet no ping can be sent.
    if (this.session.destroyed) return;
    this.session.ping((error) => {
      if (error === null) onAnswer();
    });
  }

  /** Destroying the session alone waits for a write under way, and a stalled peer may never take those bytes. */
  hangUp(error?: Error): void {
    if (!this.session.destroyed) this.session.destroy(error);
    this.socket.destroy();
  }

  /** Hangs up, and resolves when the connection is gone. */
  hungUp(error?: Error): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) return resolve();
      this.socket.once("close", () => resolve());
      this.hangUp(error);
    });
  }

  onClose(callback: () => void): void {
    this.session.once("close", callback);
  }
}

/** The connection of a session. */
export function connectionOf(session: Http2Session): SessionConnection {
  const connection = connections.get(session);
  if (connection === undefined) throw new Error("the session has no connection");
  return connection;
}
