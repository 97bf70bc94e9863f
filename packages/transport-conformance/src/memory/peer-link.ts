import { isBulk, type AdmissionRefusal, type PeerAddress, type TransportContext } from "@paxos/core";
import { encodeMessage, type Message } from "@paxos/proto";
import type { replicaSettings } from "../options.js";
import type { Counters } from "./counters.js";
import { receiveFirstFrame, receiveFrame, sendFrame, whatDidNotDecode } from "./frames.js";
import { checkHello, makeHello, makeRefusal, readRefusal } from "./handshake.js";
import { Lanes } from "./lanes.js";
import type { MemoryConnection } from "./memory-connection.js";

/** What all connections of one transport share. */
export interface Linkage {
  readonly context: TransportContext;
  readonly settings: ReturnType<typeof replicaSettings>;
  readonly counters: Counters;
  /** Tells the node that a peer has refused it; once, until another refusal comes or the peer lets it in. */
  readonly tellRefusal: (peer: PeerAddress, refusal: AdmissionRefusal | undefined) => void;
  /** Where a node is reached that is a peer at this moment; undefined when it is none. */
  readonly peer: (nodeId: number) => PeerAddress | undefined;
}

/** Messages are gathered into frames of about this size. */
const frameBytes = 256 * 1024;

/** This node's way to one peer: connects, shakes hands, sends what waits, and does so again for ever. */
export class PeerLink {
  readonly #lanes: Lanes;
  readonly #running: Promise<void>;
  #connection: MemoryConnection | undefined;
  #closed = false;
  #downSince: number | undefined = performance.now();
  #lossTold = false;
  #pauseMs: number;
  /** Something waits in the lanes, or the connection has ended. */
  #wake: () => void = () => undefined;
  #endPause: () => void = () => undefined;

  constructor(
    readonly peer: PeerAddress,
    private readonly linkage: Linkage,
    private readonly connect: () => MemoryConnection,
  ) {
    this.#lanes = new Lanes(linkage.settings.lanes);
    this.#pauseMs = linkage.settings.backOff.minMs;
    this.#running = this.#run();
  }

  /** Queues a message, or drops and counts it. */
  send(message: Message): void {
    const { counters, settings } = this.linkage;
    if (this.#dropsUnsent()) return counters.add("dropped_disconnected");
    const bytes = encodeMessage(message);
    if (bytes.length > settings.maxMessageBytes) {
      return counters.addAndWarn(
        "dropped_too_large",
        `dropped a message (${message.type.case}) of ${bytes.length} bytes to node ${this.peer.nodeId}: the limit is ${settings.maxMessageBytes}`,
      );
    }
    const lane = isBulk(message) ? "bulk" : "control";
    if (!this.#lanes.push(lane, bytes)) return counters.add(`dropped_${lane}_full`);
    this.#wake();
  }

  /** Ends the connection, and drops what waits. Nothing is told any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.linkage.counters.add("dropped_not_sendable", this.#lanes.clear());
    this.linkage.tellRefusal(this.peer, undefined);
    this.#connection?.close();
    this.#endPause();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { backOff } = this.linkage.settings;
    while (!this.#closed) {
      const connection = this.connect();
      this.#connection = connection;
      const why = await this.#use(connection).catch(whatDidNotDecode);
      connection.close();
      if (this.#closed) return;
      this.#downSince ??= performance.now();
      if (why !== "refused" && !this.#lossTold) {
        this.#lossTold = true;
        this.linkage.context.onDisconnected(this.peer, why);
        // Told of the loss, the node may have done without this peer.
        if (this.#closed) return;
      }
      // Up to half is left out at random, so that nodes do not connect in step.
      await this.#pause(this.#pauseMs * (1 - Math.random() / 2));
      this.#pauseMs = Math.min(this.#pauseMs * 2, backOff.maxMs);
    }
  }

  /** One connection, to its end. Resolves with why it ended: "refused" when the peer has said why. */
  async #use(connection: MemoryConnection): Promise<string> {
    const { context, settings, counters, tellRefusal } = this.linkage;
    connection.keepAlive(settings.keepAlive);
    void sendFrame(connection, { hello: makeHello(context.identity, this.peer.nodeId) });
    const first = await receiveFirstFrame(connection, settings.connectTimeoutMs);
    if (first === undefined || this.#closed) return connection.closedBecause ?? "the connection was lost";
    if (first.refusal !== undefined) {
      tellRefusal(this.peer, readRefusal(first.refusal));
      return "refused";
    }
    const check = checkHello(first.hello, context, this.peer.nodeId);
    if ("refusal" in check) {
      const { reason, detail } = check.refusal;
      counters.addAndWarn(`refused_${reason}`, `refused what answers at ${this.peer.address}: ${detail}`);
      void sendFrame(connection, { refusal: makeRefusal(check.refusal) });
      return `refused: ${detail}`;
    }
    // While it was asked whether to admit this peer, the node may have done without it.
    if (this.#closed) return "closed";
    this.#connected();
    connection.onClose(() => this.#wake());
    void this.#sendMessages(connection);
    for (;;) {
      const frame = await receiveFrame(connection);
      if (frame === undefined || this.#closed) return connection.closedBecause ?? "the connection was lost";
      if (frame.refusal === undefined) continue;
      tellRefusal(this.peer, readRefusal(frame.refusal));
      return `refused: ${frame.refusal.detail}`;
    }
  }

  #connected(): void {
    this.#dropsUnsent();
    this.#downSince = undefined;
    this.#lossTold = false;
    this.#pauseMs = this.linkage.settings.backOff.minMs;
    this.linkage.tellRefusal(this.peer, undefined);
    this.linkage.context.onConnected(this.peer);
  }

  /** One frame is on the way at a time: a peer that does not take it fills the lanes, and nothing else. */
  async #sendMessages(connection: MemoryConnection): Promise<void> {
    while (connection.closedBecause === undefined) {
      const messages = this.#lanes.take(frameBytes);
      if (messages.length > 0) await sendFrame(connection, { messages });
      else await new Promise<void>((resolve) => (this.#wake = resolve));
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

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
