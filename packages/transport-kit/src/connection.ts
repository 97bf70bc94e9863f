import type { Counters } from "./counters.js";
import type { LimitedLog } from "./limited-log.js";

/** What the kit asks of one connection of a stream transport, whoever made it. */
export interface Connection {
  /** Whom it leads to, as host:port, for logs. */
  readonly remote: string;
  /** Bytes read from it so far. */
  readonly bytesRead: number;
  /**
   * Pings the other side. `onAnswer` is called when the answer arrives; never, when the connection can no longer be
   * pinged. A ping goes behind what was sent before it.
   */
  ping(onAnswer: () => void): void;
  /** Ends it at once, whatever is still unsent; `error` says why, when somebody may want to know. */
  hangUp(error?: Error): void;
  /** Calls `callback` when it has ended. */
  onClose(callback: () => void): void;
}

/** Where faults are counted and told. */
export interface FaultRecord<Name extends string> {
  readonly counters: Pick<Counters<Name>, "add">;
  readonly log: LimitedLog;
}

/** Hangs up on a connection that carries what it must not; counts it, and says so at a limited rate. */
export function cutOff<Name extends string>(
  connection: Connection,
  { counters, log }: FaultRecord<Name>,
  counter: Parameters<Counters<Name>["add"]>[0],
  why: string,
): void {
  counters.add(counter);
  log.warn(counter, `closed the connection from ${connection.remote}: ${why}`);
  connection.hangUp();
}
