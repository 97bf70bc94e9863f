import { fromBinary } from "@bufbuild/protobuf";
import type { PeerAddress, Transport, TransportContext } from "@paxos/core";
import { encodeMessage, MessageSchema, type Message } from "@paxos/proto";

/** Connects replicas of one process. Messages travel as bytes, in order, and arrive in a later turn of the event loop. */
export class MemoryHub {
  readonly #contexts = new Map<number, TransportContext>();
  readonly #peers = new Map<number, readonly PeerAddress[]>();
  readonly #cuts = new Set<string>();
  #held: Message[] = [];
  /** Messages for which this is true stay on their way until {@link releaseHeld}. */
  holds: (message: Message) => boolean = () => false;
  /** Sees each message when it is sent, the very object. */
  onSend: (message: Message) => void = () => undefined;

  transport(nodeId: number): Transport {
    return {
      start: (context) => Promise.resolve(this.#join(context, context.peers)),
      setPeers: (peers) => this.#join(this.context(nodeId), peers),
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

  #join(context: TransportContext, peers: readonly PeerAddress[]): void {
    const { identity } = context;
    this.#contexts.set(identity.nodeId, context);
    const before = this.#peers.get(identity.nodeId) ?? [];
    this.#peers.set(identity.nodeId, peers);
    for (const peer of peers) {
      const other = this.#contexts.get(peer.nodeId);
      if (other === undefined || before.some(({ nodeId }) => nodeId === peer.nodeId)) continue;
      const refusal = other.admit(identity);
      if (refusal !== undefined) {
        setImmediate(() => context.onRefused(peer, refusal));
        continue;
      }
      // Each introduces itself to the other.
      if (context.admit(other.identity) !== undefined) continue;
      context.onConnected(peer);
      const back = this.#peerOf(other, identity.nodeId);
      if (back !== undefined) other.onConnected(back);
    }
  }

  #peerOf({ identity }: TransportContext, nodeId: number): PeerAddress | undefined {
    return this.#peers.get(identity.nodeId)?.find((peer) => peer.nodeId === nodeId);
  }

  #leave(nodeId: number): void {
    if (!this.#contexts.delete(nodeId)) return;
    this.#peers.delete(nodeId);
    for (const other of this.#contexts.values()) {
      const peer = this.#peerOf(other, nodeId);
      if (peer !== undefined) other.onDisconnected(peer, "closed");
    }
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
