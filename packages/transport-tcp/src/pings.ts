import type { Frame } from "@paxos/proto";
import { encodeFrame } from "./frame.js";

/** The pings of one connection, in both directions. */
export class Pings {
  #number = 0n;
  #onAnswer: () => void = () => undefined;
  /** The other side's last ping that is still to be answered. */
  #owed = 0n;

  constructor(private readonly link: { readonly writable: boolean; send(frame: Uint8Array): void }) {}

  /** Pings the other side; an answer to an earlier ping counts no more. */
  ping(onAnswer: () => void): void {
    this.#onAnswer = onAnswer;
    this.link.send(encodeFrame({ ping: ++this.#number }));
  }

  /** Takes what a frame says of pings. */
  take({ ping, pong }: Frame): void {
    if (pong !== 0n && pong === this.#number) this.#onAnswer();
    if (ping === 0n) return;
    this.#owed = ping;
    this.answer();
  }

  /**
   * Answers the last ping as soon as the answer can leave. Who sends pings and does not take the answers gets the last one only,
   * so that answers do not pile up.
   */
  answer(): void {
    if (this.#owed === 0n || !this.link.writable) return;
    const pong = this.#owed;
    this.#owed = 0n;
    this.link.send(encodeFrame({ pong }));
  }
}
