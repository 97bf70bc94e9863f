import { isBulk } from "@paxos/core";
import type { Message } from "@paxos/proto";

/** How much a lane holds. Both limits count. */
export interface LaneLimits {
  /** Bytes of encoded messages. A message that alone exceeds it passes when the lane is empty. */
  readonly maxBytes: number;
  readonly maxMessages: number;
}

/** Control messages always leave first; bulk is catch-up, by updates and by snapshots. */
export type LaneName = "control" | "bulk";

/** The lane in which a message waits. */
export function laneOf(message: Message): LaneName {
  return isBulk(message) ? "bulk" : "control";
}

/** A bounded queue of encoded messages. */
class Lane {
  #messages: Uint8Array[] = [];
  #head = 0;
  #bytes = 0;

  constructor(private readonly limits: LaneLimits) {}

  get length(): number {
    return this.#messages.length - this.#head;
  }

  push(message: Uint8Array): boolean {
    const { maxBytes, maxMessages } = this.limits;
    if (this.length > 0 && (this.length >= maxMessages || this.#bytes + message.length > maxBytes))
      return false;
    this.#messages.push(message);
    this.#bytes += message.length;
    return true;
  }

  /** Moves messages into `frame` until it holds `targetBytes`, of which it has `frameBytes`. Returns what it holds then. */
  moveInto(frame: Uint8Array[], frameBytes: number, targetBytes: number): number {
    for (;;) {
      const message = this.#messages[this.#head];
      if (message === undefined) break;
      if (frame.length > 0 && frameBytes + message.length > targetBytes) break;
      frame.push(message);
      frameBytes += message.length;
      this.#head++;
      this.#bytes -= message.length;
    }
    this.#dropTaken();
    return frameBytes;
  }

  clear(): number {
    const dropped = this.length;
    this.#messages = [];
    this.#head = 0;
    this.#bytes = 0;
    return dropped;
  }

  /** Taking from the front of an array is slow, so a head moves along it; the part behind it goes now and then. */
  #dropTaken(): void {
    if (this.#head === this.#messages.length) {
      this.clear();
    } else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** What waits to be sent to one peer. */
export class Lanes {
  readonly #control: Lane;
  readonly #bulk: Lane;

  constructor(limits: Readonly<Record<LaneName, LaneLimits>>) {
    this.#control = new Lane(limits.control);
    this.#bulk = new Lane(limits.bulk);
  }

  /** The number of messages that wait. */
  get length(): number {
    return this.#control.length + this.#bulk.length;
  }

  /** Queues a message; false when its lane is full. */
  push(lane: LaneName, message: Uint8Array): boolean {
    return (lane === "control" ? this.#control : this.#bulk).push(message);
  }

  /** Takes up to about `targetBytes`, at least one message if there is one; bulk only once control is empty. */
  take(targetBytes: number): Uint8Array[] {
    const frame: Uint8Array[] = [];
    const bytes = this.#control.moveInto(frame, 0, targetBytes);
    if (this.#control.length === 0) this.#bulk.moveInto(frame, bytes, targetBytes);
    return frame;
  }

  /** Drops everything; returns how many messages that were. */
  clear(): number {
    return this.#control.clear() + this.#bulk.clear();
  }
}
