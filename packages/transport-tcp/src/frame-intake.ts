import type { Frame } from "@paxos/proto";
import { FrameDecoder, type FrameFault } from "./frame-decoder.js";
import type { Link } from "./link.js";

/** What is done with the frames of one connection: a state machine. */
export interface Conversation {
  /** The largest frame that may come next, in bytes. */
  readonly frameLimit: number;
  /** Whether it can take another frame. While it cannot, nothing is read from the connection. */
  readonly ready: boolean;
  onFrame(frame: Frame): void;
  /** What has arrived is no frame; nothing more can be read. */
  onFault(fault: FrameFault, detail: string): void;
  /** The other side has ended the connection, perhaps in the middle of a frame. */
  onEnd(truncated: boolean): void;
  /** What was sent has left; more can be sent. */
  onWritable(): void;
}

/** Hands a conversation its frames, one after the other, for as long as it takes them. */
export class FrameIntake {
  readonly #decoder = new FrameDecoder(0);
  #running = false;

  constructor(
    private readonly link: Link,
    private readonly conversation: Conversation,
  ) {}

  /** Bytes of memory that wait to become frames. */
  get held(): number {
    return this.#decoder.held;
  }

  /** Takes what has arrived. */
  receive(chunk: Uint8Array): void {
    if (this.link.ended) return;
    this.#decoder.push(chunk);
    this.goOn();
  }

  /** To be called when the conversation has become ready again. */
  goOn(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.link.ended && this.conversation.ready) {
        this.#decoder.limit = this.conversation.frameLimit;
        const next = this.#decoder.next();
        if (next === undefined) return;
        if (next.frame === undefined) return this.conversation.onFault(next.fault, next.detail);
        this.conversation.onFrame(next.frame);
      }
    } finally {
      this.#running = false;
    }
  }

  /** The other side has ended the connection. */
  end(): void {
    if (!this.link.ended) this.conversation.onEnd(this.#decoder.pending > 0);
  }
}
