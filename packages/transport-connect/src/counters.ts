/** Everything that the transport counts. The names are stable. */
const counterNames = [
  /** Messages dropped because the control lane of their peer was full. */
  "dropped_control_full",
  /** Messages dropped because the bulk lane of their peer was full. */
  "dropped_bulk_full",
  /** Messages dropped because their peer has not been reached for a while. */
  "dropped_disconnected",
  /** Messages dropped because they exceed the size limit. */
  "dropped_too_large",
  /** Messages to a node that is no peer, or sent before `start` or after `close`. */
  "dropped_not_sendable",
  /** Peers refused, by reason. */
  "refused_no_hello",
  "refused_protocol_version",
  "refused_cluster",
  "refused_node",
  "refused_store",
  /** Connections closed because a frame or a message in it did not decode or was too large. */
  "closed_undecodable",
  /** Connections closed because a message was meant for another node. */
  "closed_misdirected",
  /** Connections closed because they did not speak HTTP/2, or broke off within it. */
  "closed_not_http2",
  /** Client requests that failed in the handler with anything but a RequestError. */
  "failed_client_requests",
] as const;

/** The name of a counter. */
export type CounterName = (typeof counterNames)[number];

/** Counts by name, from 0. */
export class Counters {
  readonly #counts = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;

  add(name: CounterName, by = 1): void {
    this.#counts[name] += by;
  }

  /** A copy. */
  snapshot(): Readonly<Record<CounterName, number>> {
    return { ...this.#counts };
  }
}
