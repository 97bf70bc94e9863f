import type { Frame } from "@paxos/proto";
import type { AcceptedLink } from "../src/accepted-connection.js";
import { FrameDecoder } from "../src/frame-decoder.js";
import { FrameIntake, type Conversation } from "../src/frame-intake.js";
import { Pings } from "../src/pings.js";

/** A connection without a socket: what comes in is given to it, what goes out is kept. */
export class MemoryLink implements AcceptedLink {
  readonly remote = "a test";
  readonly bytesRead = 0;
  readonly pings = new Pings(this);
  /** What was sent, frame by frame. */
  readonly sent: Uint8Array[] = [];
  /** Whether it has ended, and how: with a last frame, or at once. */
  end: "finished" | "hung up" | undefined;
  writable = true;
  congested = false;
  #intake: FrameIntake | undefined;
  #onClose: (() => void)[] = [];

  get ended(): boolean {
    return this.end !== undefined;
  }

  /** Bytes of memory that wait to become frames. */
  get held(): number {
    return this.#intake?.held ?? 0;
  }

  /** What was sent, decoded. */
  get frames(): Frame[] {
    const decoder = new FrameDecoder(Infinity);
    decoder.push(Buffer.concat(this.sent));
    const frames: Frame[] = [];
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      if (next.frame === undefined) throw new Error(next.detail);
      frames.push(next.frame);
    }
    return frames;
  }

  carry(conversation: Conversation): void {
    this.#intake = new FrameIntake(this, conversation);
  }

  receive(bytes: Uint8Array): void {
    this.#intake?.receive(bytes);
  }

  /** The other side ends the connection. */
  receiveEnd(): void {
    this.#intake?.end();
    this.hangUp();
  }

  goOn(): void {
    this.#intake?.goOn();
  }

  ping(onAnswer: () => void): void {
    this.pings.ping(onAnswer);
  }

  send(frame: Uint8Array): void {
    if (!this.ended) this.sent.push(frame);
  }

  sendNow(frame: Uint8Array): void {
    this.send(frame);
  }

  finish(frame: Uint8Array): void {
    this.send(frame);
    this.end ??= "finished";
  }

  hangUp(): void {
    this.end ??= "hung up";
    for (const callback of this.#onClose.splice(0)) callback();
  }

  onClose(callback: () => void): void {
    this.#onClose.push(callback);
  }
}
