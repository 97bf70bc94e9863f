import {
  describeMessage,
  type AdmissionRefusal,
  type Identity,
  type PeerAddress,
  type Transport,
  type TransportContext,
} from "@paxos/core";
import type { Message } from "@paxos/proto";
import type { Seat } from "./seat.js";
import { fingerprint } from "./fingerprint.js";
import type { Life } from "./life.js";

/** How long a refusal takes to reach who is refused, in microseconds. */
const refusalUs = 500;

/** The transport port of one process, over the network between all hosts. */
export class SimulatedTransport implements Transport {
  #context: TransportContext | undefined;
  /** Whom this process is connected to. */
  #peers: readonly PeerAddress[] = [];
  /** The processes that have introduced themselves and were admitted. */
  readonly #admitted = new Set<bigint>();

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
  ) {}

  get listens(): boolean {
    return this.#context !== undefined;
  }

  start(context: TransportContext): Promise<void> {
    this.#context = context;
    this.#peers = context.peers;
    return Promise.resolve();
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.#peers = peers;
  }

  send(message: Message): void {
    const { id, surroundings } = this.seat;
    if (this.#context === undefined || !this.life.acts()) return;
    if (!this.#peers.some(({ nodeId }) => BigInt(nodeId) === message.to)) return;
    for (const checker of surroundings.checkers) checker.sent?.(id, message);
    surroundings.network.send(id, Number(message.to), message, this.#context.identity);
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    this.#context = undefined;
    return Promise.resolve();
  }

  /** A message has come from a process that introduces itself. */
  receive(sender: Identity, message: Message): void {
    const { id, surroundings } = this.seat;
    const { world, checkers } = surroundings;
    const from = sender.nodeId;
    const context = this.#context;
    if (context === undefined || !this.#admits(sender, context)) return;
    world.steps++;
    world.trace.note("M", id, from, fingerprint(message));
    if (world.trace.verbose) world.trace.line(`${from} -> ${id}: ${describeMessage(message)}`);
    for (const checker of checkers) checker.delivered?.(id, message);
    context.onMessage(from, message);
  }

  #admits(sender: Identity, context: TransportContext): boolean {
    if (this.#admitted.has(sender.incarnation)) return true;
    const { surroundings, id } = this.seat;
    const refusal = context.admit(sender);
    if (refusal === undefined) {
      this.#admitted.add(sender.incarnation);
      const peer = this.#peers.find(({ nodeId }) => nodeId === sender.nodeId);
      if (peer !== undefined) context.onConnected(peer);
      return true;
    }
    surroundings.world.after(refusalUs, () => {
      if (!surroundings.network.isCut(id, sender.nodeId)) surroundings.tellRefused(sender, id, refusal);
    });
    return false;
  }

  /** Whether this process is the one that has introduced itself so. */
  is({ incarnation }: Identity): boolean {
    return this.#context?.identity.incarnation === incarnation;
  }

  /** A peer has refused this process. */
  refusedBy(nodeId: number, refusal: AdmissionRefusal): void {
    const context = this.#context;
    const peer = this.#peers.find((candidate) => candidate.nodeId === nodeId);
    if (peer !== undefined) this.life.input(() => context?.onRefused(peer, refusal));
  }
}
