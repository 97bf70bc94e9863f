import type { Counters, LimitedLog } from "@paxos/transport-kit";

/** What this transport counts beyond what all do. */
export const tcpCounters = [
  /** Connections closed because a frame came that has no place there. */
  "closed_unexpected_frame",
  /** Connections closed because the first frame did not come in time. */
  "closed_no_handshake",
  /** Connections that the other side closed in the middle of a frame. */
  "closed_truncated",
] as const;

export type TcpCounter = (typeof tcpCounters)[number];

/** Where it is counted, and told at a limited rate, why connections are closed. */
export interface Faults {
  readonly counters: Counters<TcpCounter>;
  readonly log: LimitedLog;
}
