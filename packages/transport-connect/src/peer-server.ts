import { fromBinary } from "@bufbuild/protobuf";
import { ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { MessageSchema, type Message, type PeerFrame, type PeerService } from "@paxos/proto";
import type { Http2Session } from "node:http2";
import type { CounterName } from "./counters.js";
import { checkHello, helloFrame, readRefusal, refusalFrame } from "./handshake.js";
import { hangUp } from "./hang-up.js";
import type { PeerLinkage } from "./peer-connection.js";
import { sessionKey } from "./request-listener.js";

/** Receives the messages of all peers. */
export class PeerServer implements ServiceImpl<typeof PeerService> {
  /** Of each peer, the connection admitted last; an older one is half dead at best. */
  readonly #admitted = new Map<number, Http2Session>();

  constructor(
    private readonly linkage: PeerLinkage,
    /** Told that a peer was admitted. */
    private readonly onAdmitted: (nodeId: number) => void,
  ) {}

  async *exchange(
    requests: AsyncIterable<PeerFrame>,
    { values, signal }: HandlerContext,
  ): AsyncGenerator<PeerFrame> {
    const session = values.get(sessionKey);
    if (session === undefined) return;
    const { context, settings, counters, log } = this.linkage;
    const frames = requests[Symbol.asyncIterator]();
    try {
      const timer = setTimeout(() => hangUp(session), settings.connectTimeoutMs);
      const first = await frames.next().finally(() => clearTimeout(timer));
      const check = checkHello(first.done === true ? undefined : first.value, context);
      if ("refusal" in check) {
        const { reason, detail } = check.refusal;
        counters.add(`refused_${reason}`);
        log.warn(`refused_${reason}`, `refused a connection from ${remoteOf(session)}: ${detail}`);
        yield refusalFrame(check.refusal);
        return;
      }
      const { nodeId } = check.peer;
      yield helloFrame(context.identity, nodeId);
      this.#admit(nodeId, session);
      for (;;) {
        const next = await frames.next();
        if (next.done === true) return;
        if (!this.#receive(nodeId, next.value, session)) return;
      }
    } catch (error) {
      // What did not decode is a ConnectError; that the connection was lost is not worth a word here, the peer dials again.
      if (error instanceof ConnectError && !signal.aborted) {
        this.#close(session, "closed_undecodable", error.rawMessage);
      }
    }
  }

  #admit(nodeId: number, session: Http2Session): void {
    const older = this.#admitted.get(nodeId);
    this.#admitted.set(nodeId, session);
    session.once("close", () => {
      if (this.#admitted.get(nodeId) === session) this.#admitted.delete(nodeId);
    });
    if (older !== undefined && older !== session) hangUp(older);
    this.onAdmitted(nodeId);
  }

  /** Hands on the messages of a frame. False when the connection has ended. */
  #receive(from: number, frame: PeerFrame, session: Http2Session): boolean {
    const { context, settings, notices } = this.linkage;
    if (frame.refusal !== undefined) {
      const peer = context.peers.find(({ nodeId }) => nodeId === from);
      if (peer !== undefined) notices.refused(peer, readRefusal(frame.refusal));
      return false;
    }
    for (const bytes of frame.messages) {
      if (bytes.length > settings.maxMessageBytes) {
        return this.#close(
          session,
          "closed_undecodable",
          `a message of ${bytes.length} bytes; the limit is ${settings.maxMessageBytes}`,
        );
      }
      let message: Message;
      try {
        message = fromBinary(MessageSchema, bytes);
      } catch {
        return this.#close(session, "closed_undecodable", "a message that does not decode");
      }
      if (message.to !== BigInt(context.identity.nodeId)) {
        return this.#close(
          session,
          "closed_misdirected",
          `a message for node ${message.to} from node ${from}`,
        );
      }
      this.#deliver(from, message);
    }
    return true;
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

  #close(session: Http2Session, counter: CounterName, why: string): false {
    this.linkage.counters.add(counter);
    this.linkage.log.warn(counter, `closed the connection from ${remoteOf(session)}: ${why}`);
    hangUp(session);
    return false;
  }
}

function remoteOf(session: Http2Session): string {
  if (session.destroyed) return "a peer that has gone";
  const { remoteAddress = "?", remotePort = "?" } = session.socket;
  return `${remoteAddress}:${remotePort}`;
}
