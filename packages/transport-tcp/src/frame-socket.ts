import type { Socket } from "node:net";
import { FrameIntake, type Conversation } from "./frame-intake.js";
import type { Link } from "./link.js";
import { Pings } from "./pings.js";

/** Above this, nothing more is taken on from the other side until what was sent has left. */
const congestedBytes = 1024 * 1024;

/** Bounds of a connection. */
export interface FrameSocketOptions {
  /** How long the other side may take to close the connection after the last frame. */
  readonly lingerMs: number;
}

/** Carries frames over a TCP connection. */
export class FrameSocket implements Link {
  readonly pings = new Pings(this);
  readonly remote: string;
  #intake: FrameIntake | undefined;
  #conversation: Conversation | undefined;
  #corked = false;
  #finished = false;
  #error: Error | undefined;
  #drained = 0;

  constructor(
    private readonly socket: Socket,
    private readonly options: FrameSocketOptions,
  ) {
    this.remote = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`;
    socket.setNoDelay(true);
    socket.on("error", (error) => (this.#error ??= error));
  }

  /** Why it has ended, when that is known. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Grows as well whenever the other side has taken what was sent: that it lives shows so while nothing is read from it. */
  get bytesRead(): number {
    return this.socket.bytesRead + this.#drained;
  }

  /** Bytes that were sent and have not left. */
  get bytesAhead(): number {
    return this.socket.writableLength;
  }

  get ended(): boolean {
    return this.#finished || this.socket.destroyed;
  }

  get writable(): boolean {
    return !this.socket.writableNeedDrain;
  }

  get congested(): boolean {
    return this.socket.writableLength > congestedBytes;
  }

  /** Lets a conversation have the frames that arrive. Called once. */
  carry(conversation: Conversation): void {
    const intake = new FrameIntake(this, conversation);
    this.#intake = intake;
    this.#conversation = conversation;
    this.socket.on("data", (chunk: Buffer) => {
      intake.receive(chunk);
      this.#readOrPause();
    });
    this.socket.on("drain", () => {
      this.#drained++;
      if (this.ended) return;
      this.pings.answer();
      conversation.onWritable();
      this.goOn();
    });
    this.socket.on("end", () => {
      intake.end();
      this.socket.destroy();
    });
  }

  /** To be called when the conversation has become ready again. */
  goOn(): void {
    this.#intake?.goOn();
    this.#readOrPause();
  }

  ping(onAnswer: () => void): void {
    this.pings.ping(onAnswer);
  }

  send(frame: Uint8Array): void {
    if (this.ended) return;
    if (!this.#corked) {
      this.#corked = true;
      this.socket.cork();
      setImmediate(() => this.#uncork());
    }
    this.socket.write(frame);
  }

  sendNow(frame: Uint8Array): void {
    if (this.ended) return;
    this.socket.write(frame);
    this.#uncork();
  }

  finish(frame: Uint8Array): void {
    if (this.ended) return;
    this.socket.end(frame);
    this.#finished = true;
    // What the other side still says is read and left: closed with bytes unread, it might not get the last frame.
    this.#readOrPause();
    const timer = setTimeout(() => this.socket.destroy(), this.options.lingerMs);
    this.socket.once("close", () => clearTimeout(timer));
  }

  /** Bytes under way are left behind: a stalled peer may never take them. */
  hangUp(error?: Error): void {
    this.#error ??= error;
    this.socket.destroy();
  }

  onClose(callback: () => void): void {
    if (this.socket.closed) callback();
    else this.socket.once("close", callback);
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.socket.uncork();
  }

  #readOrPause(): void {
    if (this.ended || this.#conversation?.ready !== false) {
      if (this.socket.isPaused()) this.socket.resume();
    } else {
      this.socket.pause();
    }
  }
}
