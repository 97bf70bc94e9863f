import { decodeMessage, type Frame, type Message } from "@paxos/proto";
import type { CounterName } from "./counters.js";
import { receiveFrame, sendFrame } from "./frames.js";
import { checkHello, makeHello, makeRefusal, readRefusal } from "./handshake.js";
import type { MemoryConnection } from "./memory-connection.js";
import type { Linkage } from "./peer-link.js";

/** Receives the messages of all peers, and of whomever else the node admits. */
export class PeerReceiver {
  /** Of each peer, the connection admitted last. */
  readonly #admitted = new Map<number, MemoryConnection>();

  constructor(private readonly linkage: Linkage) {}

  /** Serves a connection that began with this frame, to its end. */
  async serve(connection: MemoryConnection, first: Frame): Promise<void> {
    const { context, counters } = this.linkage;
    const check = checkHello(first.hello, context);
    if ("refusal" in check) {
      const { reason, detail } = check.refusal;
      counters.addAndWarn(`refused_${reason}`, `refused a connection from ${connection.remote}: ${detail}`);
      void sendFrame(connection, { refusal: makeRefusal(check.refusal) });
      return;
    }
    const { nodeId } = check.peer;
    // The older one is half dead at best.
    this.#admitted.get(nodeId)?.close("replaced by a newer connection");
    this.#admitted.set(nodeId, connection);
    void sendFrame(connection, { hello: makeHello(context.identity, nodeId) });
    for (;;) {
      const frame = await receiveFrame(connection);
      if (frame === undefined || !this.#take(nodeId, frame, connection)) return;
    }
  }

  /** Hands on what a frame holds. False when the connection is to end. */
  #take(from: number, frame: Frame, connection: MemoryConnection): boolean {
    const { context, settings, counters, tellRefusal, peer: peerOf } = this.linkage;
    const refuse = (counter: CounterName, why: string): false => {
      counters.addAndWarn(counter, `closed the connection from ${connection.remote}: ${why}`);
      return false;
    };
    if (frame.refusal !== undefined) {
      const peer = peerOf(from);
      if (peer !== undefined) tellRefusal(peer, readRefusal(frame.refusal));
      return false;
    }
    for (const bytes of frame.messages) {
      if (bytes.length > settings.maxMessageBytes) {
        return refuse(
          "closed_undecodable",
          `a message of ${bytes.length} bytes; the limit is ${settings.maxMessageBytes}`,
        );
      }
      let message: Message;
      try {
        message = decodeMessage(bytes);
      } catch {
        return refuse("closed_undecodable", "a message that does not decode");
      }
      if (message.to !== BigInt(context.identity.nodeId)) {
        return refuse("closed_misdirected", `a message for node ${message.to} from node ${from}`);
      }
      this.#deliver(from, message);
    }
    return true;
  }

  /** A throw of the node is its own, and must not be taken for a fault of the peer. */
  #deliver(from: number, message: Message): void {
    try {
      this.linkage.context.onMessage(from, message);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
