/** What every transport counts. The names are stable. */
const counterNames = [
  /** Messages dropped because the control lane of their peer was full. */
  "dropped_control_full",
  /** Messages dropped because the bulk lane of their peer was full. */
  "dropped_bulk_full",
  /** Messages dropped because their peer has not been reached for a while. */
  "dropped_disconnected",
  /** Messages dropped because they exceed the size limit. */
  "dropped_too_large",
  /** Messages to a node that is no peer, or is none any more, or sent before `start` or after `close`. */
  "dropped_not_sendable",
  /** Peers refused, by reason. */
  "refused_no_hello",
  "refused_protocol_version",
  "refused_cluster",
  "refused_node",
  "refused_store",
  "refused_removed",
  /** Connections closed because a frame or a message in it did not decode or was too large. */
  "closed_undecodable",
  /** Connections closed because a message was meant for another node. */
  "closed_misdirected",
  /** Client requests that failed in the handler with anything but a RequestError. */
  "failed_client_requests",
] as const;

/** The name of a counter that every transport has. */
export type CounterName = (typeof counterNames)[number];

/** Counts by name, from 0. `Own` are the names of one transport alone. */
export class Counters<Own extends string = never> {
  readonly #counts: Record<string, number>;

  constructor(own: readonly Own[] = []) {
    this.#counts = Object.fromEntries([...counterNames, ...own].map((name) => [name, 0]));
  }

  add(name: CounterName | Own, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }

  /** A copy. */
  snapshot(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }
}
