import type { LaneLimits } from "../options.js";

export type LaneName = "control" | "bulk";

/** What waits to be sent to one peer: two bounded queues of encoded messages. Control leaves first. */
export class Lanes {
  readonly #control: Lane;
  readonly #bulk: Lane;

  constructor(limits: Readonly<Record<LaneName, LaneLimits>>) {
    this.#control = new Lane(limits.control);
    this.#bulk = new Lane(limits.bulk);
  }

  /** Queues a message; false when its lane is full. */
  push(lane: LaneName, message: Uint8Array): boolean {
    return (lane === "control" ? this.#control : this.#bulk).push(message);
  }

  /** Takes messages of about so many bytes together, at least one if there is one. */
  take(targetBytes: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let bytes = 0;
    for (const lane of [this.#control, this.#bulk]) {
      for (let next = lane.first; next !== undefined; next = lane.first) {
        bytes += next.length;
        if (taken.length > 0 && bytes > targetBytes) return taken;
        taken.push(lane.shift(next));
      }
    }
    return taken;
  }

  /** Drops everything; returns how many messages that were. */
  clear(): number {
    return this.take(Infinity).length;
  }
}

class Lane {
  readonly #messages: Uint8Array[] = [];
  #bytes = 0;

  constructor(private readonly limits: LaneLimits) {}

  get first(): Uint8Array | undefined {
    return this.#messages[0];
  }

  push(message: Uint8Array): boolean {
    const { maxBytes, maxMessages } = this.limits;
    const full = this.#messages.length >= maxMessages || this.#bytes + message.length > maxBytes;
    if (full && this.#messages.length > 0) return false;
    this.#messages.push(message);
    this.#bytes += message.length;
    return true;
  }

  shift(first: Uint8Array): Uint8Array {
    this.#messages.shift();
    this.#bytes -= first.length;
    return first;
  }
}
