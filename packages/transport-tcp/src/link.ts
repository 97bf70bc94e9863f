import type { Connection } from "@paxos/transport-kit";

/** One end of a connection that carries frames. */
export interface Link extends Connection {
  /** Whether it has ended, or will with the last frame: nothing more is said, and what arrives is not looked at. */
  readonly ended: boolean;
  /** False while something that was sent has not left. Whoever sends much waits then for the next turn. */
  readonly writable: boolean;
  /** Whether so much waits to leave that nothing more should be taken on which has to be answered. */
  readonly congested: boolean;
  /** Sends an encoded frame, together with all that is sent in this turn of the event loop. */
  send(frame: Uint8Array): void;
  /** Sends an encoded frame at once. */
  sendNow(frame: Uint8Array): void;
  /** Sends a last frame, and ends the connection. */
  finish(frame: Uint8Array): void;
}
