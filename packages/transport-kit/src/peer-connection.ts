import type { PeerAddress } from "@paxos/core";
import { encodeMessage, type Message } from "@paxos/proto";
import { BackOff } from "./back-off.js";
import { laneOf, Lanes } from "./lanes.js";
import type { PeerLinkage } from "./linkage.js";
import { PeerAttempt, type Connect } from "./peer-attempt.js";

/** Sends this node's messages to one peer: has a connection made, runs it, and does so again for ever. */
export class PeerConnection {
  readonly #lanes: Lanes;
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  #wake: (() => void) | undefined;
  #downSince: number | undefined = performance.now();
  #lossTold = false;
  #retryNow: () => void = () => undefined;
  readonly #running: Promise<void>;

  constructor(
    private readonly peer: PeerAddress,
    private readonly linkage: PeerLinkage,
    private readonly connect: Connect,
  ) {
    this.#lanes = new Lanes(linkage.settings.lanes);
    this.#backOff = new BackOff(linkage.settings.backOff);
    this.#running = this.#run();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Queues a message, or drops and counts it. */
  send(message: Message): void {
    const { counters, log, settings } = this.linkage;
    if (this.#dropsUnsent()) {
      counters.add("dropped_disconnected");
      return;
    }
    const bytes = encodeMessage(message);
    if (bytes.length > settings.maxMessageBytes) {
      counters.add("dropped_too_large");
      log.warn(
        "too_large",
        `dropped a message (${message.type.case}) of ${bytes.length} bytes to node ${this.peer.nodeId}: the limit is ${settings.maxMessageBytes}`,
      );
      return;
    }
    const lane = laneOf(message);
    if (this.#lanes.push(lane, bytes)) this.#wake?.();
    else counters.add(lane === "bulk" ? "dropped_bulk_full" : "dropped_control_full");
  }

  /** Ends the pause between two attempts: the peer has just been heard. */
  hurry(): void {
    this.#retryNow();
  }

  /** Closes the connection, and drops what waits. Nothing is told any more. Resolves when nothing is left open. */
  async close(): Promise<void> {
    const { counters, notices } = this.linkage;
    this.#closing.abort();
    counters.add("dropped_not_sendable", this.#lanes.clear());
    notices.forget(this.peer);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#closed) {
      const ended = await this.connect(
        new PeerAttempt(this.peer, this.#lanes, signal, this.linkage, (wake) => this.#connected(wake)),
      );
      this.#wake = undefined;
      if (this.#closed) return;
      this.#downSince ??= performance.now();
      if (ended.reason !== undefined && !this.#lossTold) {
        this.#lossTold = true;
        this.linkage.context.onDisconnected(this.peer, ended.reason);
        // Told of the loss, the node may have done without this peer.
        if (this.#closed) return;
      }
      await this.#pause(this.#backOff.next());
    }
  }

  /** Whether the peer has been away for so long that messages to it are dropped. Drops those that still wait. */
  #dropsUnsent(): boolean {
    const { settings, counters } = this.linkage;
    if (this.#downSince === undefined || performance.now() - this.#downSince <= settings.keepUnsentMs)
      return false;
    counters.add("dropped_disconnected", this.#lanes.clear());
    return true;
  }

  #connected(wake: () => void): void {
    // While it was asked whether to admit this peer, the node may have done without it.
    if (this.#closed) return;
    this.#dropsUnsent();
    this.#wake = wake;
    this.#downSince = undefined;
    this.#lossTold = false;
    this.#backOff.reset();
    this.linkage.notices.forget(this.peer);
    this.linkage.context.onConnected(this.peer);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const goOn = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", goOn);
        this.#retryNow = () => undefined;
        resolve();
      };
      const timer = setTimeout(goOn, ms);
      signal.addEventListener("abort", goOn);
      this.#retryNow = goOn;
    });
  }
}
