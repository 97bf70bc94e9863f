import { fromBinary } from "@bufbuild/protobuf";
import type { PeerAddress, Transport, TransportContext } from "@paxos/core";
import { encodeMessage, MessageSchema, type Message } from "@paxos/proto";

/** Connects replicas of one process. Messages travel as bytes, in order, and arrive in a later turn of the event loop. */
export class MemoryHub {
  readonly #contexts = new Map<number, TransportContext>();
  readonly #cuts = new Set<string>();
  #held: Message[] = [];
  /** Messages for which this is true stay on their way until {@link releaseHeld}. */
  holds: (message: Message) => boolean = () => false;
  /** Sees each message when it is sent, the very object. */
  onSend: (message: Message) => void = () => undefined;

  transport(nodeId: number): Transport {
    return {
      start: (context) => Promise.resolve(this.#join(context)),
      send: (message) => this.#send(nodeId, message),
      counters: () => ({ sent_by_memory: 1 }),
      close: () => Promise.resolve(this.#leave(nodeId)),
    };
  }

  /** What a replica that is connected has handed to its transport. */
  context(nodeId: number): TransportContext {
    const context = this.#contexts.get(nodeId);
    if (context === undefined) throw new Error(`node ${nodeId} is not connected`);
    return context;
  }

  isConnected(nodeId: number): boolean {
    return this.#contexts.has(nodeId);
  }

  /** Loses what `from` sends to `to`, from now on. */
  cut(from: number, to: number): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  get held(): number {
    return this.#held.length;
  }

  releaseHeld(): void {
    this.holds = () => false;
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.#carry(message);
  }

  #join(context: TransportContext): void {
    const { identity, peers } = context;
    this.#contexts.set(identity.nodeId, context);
    for (const peer of peers) {
      const other = this.#contexts.get(peer.nodeId);
      if (other === undefined) continue;
      const refusal = other.admit(identity);
      if (refusal !== undefined) {
        setImmediate(() => context.onRefused(peer, refusal));
        continue;
      }
      context.onConnected(peer);
      other.onConnected(addressOf(other, identity.nodeId));
    }
  }

  #leave(nodeId: number): void {
    if (!this.#contexts.delete(nodeId)) return;
    for (const other of this.#contexts.values()) other.onDisconnected(addressOf(other, nodeId), "closed");
  }

  #send(from: number, message: Message): void {
    if (!this.#contexts.has(from)) return;
    this.onSend(message);
    if (this.holds(message)) this.#held.push(message);
    else this.#carry(message);
  }

  #carry(message: Message): void {
    const [from, to] = [Number(message.from), Number(message.to)];
    if (this.#cuts.has(`${from}>${to}`)) return;
    const bytes = encodeMessage(message);
    setImmediate(() => this.#contexts.get(to)?.onMessage(from, fromBinary(MessageSchema, bytes)));
  }
}

function addressOf(context: TransportContext, nodeId: number): PeerAddress {
  const peer = context.peers.find((candidate) => candidate.nodeId === nodeId);
  if (peer === undefined) throw new Error(`node ${nodeId} is no peer`);
  return peer;
}
