import type { ClientUpdate, QueryRequest } from "@paxos/proto";

/** How much one connection of a client may have under way. */
export interface UpdateAllowanceLimits {
  /** Updates and queries. Default 4,096. */
  readonly maxUpdates?: number;
  /** Bytes of them, each counted as {@link countedBytes} and {@link countedQueryBytes} say. Default 8 MiB. */
  readonly maxBytes?: number;
}

/** The default of {@link UpdateAllowanceLimits.maxUpdates}, to which clients keep by themselves; and the most updates, and the most queries, in one batch. */
export const maxUpdatesUnderWay = 4096;

/** The default of {@link UpdateAllowanceLimits.maxBytes}. */
export const maxBytesUnderWay = 8 * 1024 * 1024;

/** What an update or query counts beyond its payload: about what it takes up, and at least what its other fields take up on the wire. */
export const entryBytes = 64;

/** What an update counts. */
export function countedBytes({ update }: Pick<ClientUpdate, "update">): number {
  return update.length + entryBytes;
}

/** What a query counts. */
export function countedQueryBytes({ query }: Pick<QueryRequest, "query">): number {
  return query.length + entryBytes;
}

/**
 * What one connection may have under way in updates and queries, however many streams and calls they come on. An abandoned one
 * makes room at once; but so that nobody heaps them up by abandoning them, there are at most twice as many together with those that
 * were abandoned and that the handler has not let go of.
 */
export class UpdateAllowance {
  readonly #maxUpdates: number;
  readonly #maxBytes: number;
  readonly #live = { updates: 0, bytes: 0 };
  readonly #abandoned = { updates: 0, bytes: 0 };

  constructor({ maxUpdates = maxUpdatesUnderWay, maxBytes = maxBytesUnderWay }: UpdateAllowanceLimits = {}) {
    this.#maxUpdates = maxUpdates;
    this.#maxBytes = maxBytes;
  }

  /** Why there was no room, for people. */
  get full(): string {
    return `${this.#maxUpdates} updates and queries or ${this.#maxBytes} bytes of this connection are under way already; send more as answers come`;
  }

  /** Takes up room, if there is some; for the first one there always is, however large it is. */
  take(bytes: number): boolean {
    const { updates, bytes: taken } = this.#live;
    if (updates >= this.#maxUpdates || (updates > 0 && taken + bytes > this.#maxBytes)) return false;
    const { updates: others, bytes: takenByOthers } = this.#abandoned;
    if (updates + others >= 2 * this.#maxUpdates) return false;
    if (others > 0 && taken + takenByOthers + bytes > 2 * this.#maxBytes) return false;
    this.#live.updates++;
    this.#live.bytes += bytes;
    return true;
  }

  /** Nobody wants the answer to one of so many bytes any more. */
  abandon(bytes: number): void {
    this.release(bytes, false);
    this.#abandoned.updates++;
    this.#abandoned.bytes += bytes;
  }

  /** The handler has let go of one. */
  release(bytes: number, abandoned: boolean): void {
    const load = abandoned ? this.#abandoned : this.#live;
    load.updates--;
    load.bytes -= bytes;
  }
}
