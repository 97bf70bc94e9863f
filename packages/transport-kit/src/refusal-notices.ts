import type { AdmissionRefusal, PeerAddress, TransportContext } from "@paxos/core";

/**
 * Tells that a peer refuses this node. The same refusal comes again with every attempt, and on both connections
 * between two nodes; it is told once, until it changes, or a connection to that peer has succeeded, or it is a peer no more.
 */
export class RefusalNotices {
  readonly #told = new Map<number, string>();

  constructor(private readonly context: TransportContext) {}

  refused(peer: PeerAddress, refusal: AdmissionRefusal): void {
    const text = `${refusal.reason}: ${refusal.detail}`;
    if (this.#told.get(peer.nodeId) === text) return;
    this.#told.set(peer.nodeId, text);
    this.context.onRefused(peer, refusal);
  }

  /** What has been told of this peer counts no more. */
  forget(peer: PeerAddress): void {
    this.#told.delete(peer.nodeId);
  }
}
