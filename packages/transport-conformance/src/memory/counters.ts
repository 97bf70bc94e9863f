import type { Logger } from "@paxos/core";

const names = [
  /** Messages for which the lane of their peer had no room. */
  "dropped_control_full",
  "dropped_bulk_full",
  /** Messages to a peer that was away. */
  "dropped_disconnected",
  /** Messages above `maxMessageBytes`. */
  "dropped_too_large",
  /** Messages to no peer, or to one that is none any more, or sent before `start` or after `close`. */
  "dropped_not_sendable",
  /** Peers refused, by reason. */
  "refused_no_hello",
  "refused_protocol_version",
  "refused_cluster",
  "refused_node",
  "refused_store",
  "refused_removed",
  /** Connections closed for what they carried. */
  "closed_undecodable",
  "closed_misdirected",
  /** Requests of clients that failed with anything but a RequestError. */
  "failed_client_requests",
] as const;

/** The name of a counter. The suite knows them by these names. */
export type CounterName = (typeof names)[number];

const warningEveryMs = 10_000;

/** Counts by name, and warns of what it counts, seldom enough that nobody can fill a disk with lines. */
export class Counters {
  readonly #counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<CounterName, number>;
  readonly #warnedAt = new Map<string, number>();

  constructor(private readonly logger: Logger) {}

  add(name: CounterName, by = 1): void {
    this.#counts[name] += by;
  }

  addAndWarn(name: CounterName, line: string): void {
    this.add(name);
    this.warn(name, line);
  }

  /** Warns of what is not counted; of each kind seldom. */
  warn(kind: CounterName | "malformed_address", line: string): void {
    const now = performance.now();
    if (now - (this.#warnedAt.get(kind) ?? -Infinity) < warningEveryMs) return;
    this.#warnedAt.set(kind, now);
    this.logger.warn(line);
  }

  /** A copy. */
  snapshot(): Readonly<Record<CounterName, number>> {
    return { ...this.#counts };
  }
}
