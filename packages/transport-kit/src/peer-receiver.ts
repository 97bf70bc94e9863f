import { decodeMessage, type HandshakeRefusal, type Hello, type Message } from "@paxos/proto";
import { cutOff, type Connection } from "./connection.js";
import type { CounterName } from "./counters.js";
import { checkHello, handshakeRefusal, helloFrom, readRefusal, type Greeting } from "./handshake.js";
import { requireFewInMessage } from "./elements.js";
import type { PeerLinkage } from "./linkage.js";

/** What to answer to a caller's first frame: a Hello to the peer `from`, or a refusal, which is the last frame. */
export type Answer =
  | { readonly from: number; readonly hello: Hello }
  | { readonly from?: never; readonly refusal: HandshakeRefusal };

/** Encoded messages, or a refusal after all, from an admitted peer. */
export interface ReceivedFrame {
  readonly messages: readonly Uint8Array[];
  readonly refusal?: HandshakeRefusal | undefined;
}

/** Receives the messages of all peers, and of whomever else the node admits. */
export class PeerReceiver {
  /** Of each peer, the connection admitted last; an older one is half dead at best. */
  readonly #admitted = new Map<number, Connection>();

  constructor(
    private readonly linkage: PeerLinkage,
    /** Told that a peer was admitted. */
    private readonly onAdmitted: (nodeId: number) => void,
  ) {}

  /** Looks at a caller's first frame; undefined when it ended the connection without one. A refusal is counted and logged. */
  greet(first: Greeting | undefined, connection: Connection): Answer {
    const { context, counters, log } = this.linkage;
    const check = checkHello(first, context);
    if ("refusal" in check) {
      const { reason, detail } = check.refusal;
      counters.add(`refused_${reason}`);
      log.warn(`refused_${reason}`, `refused a connection from ${connection.remote}: ${detail}`);
      return { refusal: handshakeRefusal(check.refusal) };
    }
    const { nodeId } = check.peer;
    return { from: nodeId, hello: helloFrom(context.identity, nodeId) };
  }

  /** To be called when the Hello has been answered. Hangs up on the peer's connection before this one. */
  admit(from: number, connection: Connection): void {
    const older = this.#admitted.get(from);
    this.#admitted.set(from, connection);
    connection.onClose(() => {
      if (this.#admitted.get(from) === connection) this.#admitted.delete(from);
    });
    if (older !== undefined && older !== connection) older.hangUp();
    this.onAdmitted(from);
  }

  /** Hands on what a frame carries. False when the connection has ended, or is to be ended. */
  receive(from: number, frame: ReceivedFrame, connection: Connection): boolean {
    const { context, settings, notices } = this.linkage;
    if (frame.refusal !== undefined) {
      const peer = this.linkage.peer(from);
      if (peer !== undefined) notices.refused(peer, readRefusal(frame.refusal));
      return false;
    }
    for (const bytes of frame.messages) {
      if (bytes.length > settings.maxMessageBytes) {
        const why = `a message of ${bytes.length} bytes; the limit is ${settings.maxMessageBytes}`;
        return this.#close(connection, "closed_undecodable", why);
      }
      let message: Message;
      try {
        requireFewInMessage(bytes);
        message = decodeMessage(bytes);
      } catch {
        return this.undecodable(connection, "a message that does not decode");
      }
      if (message.to !== BigInt(context.identity.nodeId)) {
        const why = `a message for node ${message.to} from node ${from}`;
        return this.#close(connection, "closed_misdirected", why);
      }
      this.#deliver(from, message);
    }
    return true;
  }

  /** Hangs up on a connection whose frames do not decode. */
  undecodable(connection: Connection, why: string): false {
    return this.#close(connection, "closed_undecodable", why);
  }

  /** A throw of the node is the node's own and must not be taken for a fault of the peer. */
  #deliver(from: number, message: Message): void {
    try {
      this.linkage.context.onMessage(from, message);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #close(connection: Connection, counter: CounterName, why: string): false {
    cutOff(connection, this.linkage, counter, why);
    return false;
  }
}
