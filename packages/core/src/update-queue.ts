import { Deque } from "./deque.js";
import { UpdateTable } from "./update-table.js";

/** An update on its way to its place in the order. */
export interface PendingUpdate {
  readonly clientId: bigint;
  readonly timestamp: bigint;
  /** The encoded ClientUpdate. */
  readonly bytes: Uint8Array;
  /** Whether it entered the cluster through this node, which then sees to it that it gets ordered. */
  own: boolean;
  /** Waiting to be proposed or forwarded; forwarded to the leader; or proposed by this node. */
  stage: "waiting" | "forwarded" | "proposed";
  /** How often it has left this node, proposed or forwarded. */
  sent: number;
  /** Set when it has left the queue: ordered, refused or given up. */
  done: boolean;
}

/**
 * The pending updates of a node, oldest first, found by `(client_id, timestamp)`. Bounded in number and
 * bytes.
 */
export class UpdateQueue {
  readonly #table: UpdateTable<PendingUpdate>;
  #fifo = new Deque<PendingUpdate>();
  #waiting = new Deque<PendingUpdate>();
  #bytes = 0;
  #own = 0;

  constructor(
    private readonly maxUpdates: number,
    private readonly maxBytes: number,
    seed: number,
  ) {
    this.#table = new UpdateTable(seed);
  }

  get size(): number {
    return this.#table.size;
  }

  /** How many of the updates entered the cluster through this node. */
  get own(): number {
    return this.#own;
  }

  /** Whether an update of this size has no room. One update always has. */
  isFull(bytes: number): boolean {
    return this.size > 0 && (this.size >= this.maxUpdates || this.#bytes + bytes > this.maxBytes);
  }

  get(clientId: bigint, timestamp: bigint): PendingUpdate | undefined {
    return this.#table.get(clientId, timestamp);
  }

  add(update: Omit<PendingUpdate, "stage" | "sent" | "done">): PendingUpdate {
    const { clientId, timestamp, bytes, own } = update;
    const pending: PendingUpdate = {
      clientId,
      timestamp,
      bytes,
      own,
      stage: "waiting",
      sent: 0,
      done: false,
    };
    this.#table.add(pending);
    this.#fifo.push(pending);
    this.#waiting.push(pending);
    this.#bytes += bytes.length;
    if (own) this.#own++;
    if (this.#fifo.length > 2 * this.size + 1024) this.#compact();
    return pending;
  }

  /** Makes this node responsible for an update that a peer forwarded. */
  adopt(update: PendingUpdate): void {
    if (!update.own) this.#own++;
    update.own = true;
  }

  remove(clientId: bigint, timestamp: bigint): PendingUpdate | undefined {
    const pending = this.#table.remove(clientId, timestamp);
    if (pending === undefined) return undefined;
    pending.done = true;
    this.#bytes -= pending.bytes.length;
    if (pending.own) this.#own--;
    while (this.#fifo.at(0)?.done === true) this.#fifo.shift();
    return pending;
  }

  /** Removes the oldest update, if it is these very bytes: nobody has to look into them then. Says whether it was. */
  removeFirst(bytes: Uint8Array): boolean {
    const first = this.#fifo.at(0);
    if (first?.bytes !== bytes) return false;
    this.remove(first.clientId, first.timestamp);
    return true;
  }

  /** The oldest update that waits to be proposed or forwarded. */
  peekWaiting(): PendingUpdate | undefined {
    for (;;) {
      const pending = this.#waiting.at(0);
      if (pending === undefined || (!pending.done && pending.stage === "waiting")) return pending;
      this.#waiting.shift();
    }
  }

  /** That update changes its stage. */
  takeWaiting(stage: "forwarded" | "proposed"): void {
    const pending = this.#waiting.shift();
    if (pending === undefined) return;
    pending.stage = stage;
    pending.sent++;
  }

  /**
   * The leader is gone: what entered through this node waits anew; what others forwarded is theirs to send
   * again.
   */
  restart(): void {
    // A copy, for removing changes the queue.
    for (const pending of Array.from(this)) {
      if (!pending.own) this.remove(pending.clientId, pending.timestamp);
      pending.stage = "waiting";
    }
    this.#compact();
  }

  /** The pending updates, oldest first. */
  *[Symbol.iterator](): Iterator<PendingUpdate> {
    for (const pending of this.#fifo) if (!pending.done) yield pending;
  }

  #compact(): void {
    const live = [...this];
    this.#fifo.clear();
    this.#waiting.clear();
    for (const pending of live) {
      this.#fifo.push(pending);
      if (pending.stage === "waiting") this.#waiting.push(pending);
    }
  }
}
