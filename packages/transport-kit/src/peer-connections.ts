import type { PeerAddress } from "@paxos/core";
import type { Message } from "@paxos/proto";
import { parseAddress } from "./address.js";
import { describeError } from "./one-line.js";

/** The part of a PeerConnection that matters here. */
export interface OpenConnection {
  send(message: Message): void;
  hurry(): void;
  close(): Promise<void>;
}

interface Entry {
  readonly peer: PeerAddress;
  readonly connection: OpenConnection;
}

/** A node's connections to its peers, as the set of these changes. */
export class PeerConnections {
  readonly #entries = new Map<number, Entry>();
  /** Of peers that are gone, as long as something of them is left open. */
  readonly #closing = new Set<Promise<void>>();

  constructor(
    private readonly connect: (peer: PeerAddress) => OpenConnection,
    /** Told of a peer that is left out because its address is malformed, and why. */
    private readonly onMalformed: (peer: PeerAddress, why: string) => void,
  ) {}

  /**
   * The peers from now on: closes the connections to those that are gone or have another address, keeps the others as they
   * are, and makes those that are missing. Of several addresses for one peer the last counts. Never throws.
   */
  set(peers: readonly PeerAddress[]): void {
    const wanted = new Map<number, PeerAddress>();
    for (const peer of peers) if (this.#isReachable(peer)) wanted.set(peer.nodeId, peer);
    for (const [nodeId, { peer, connection }] of this.#entries) {
      if (wanted.get(nodeId)?.address === peer.address) continue;
      this.#entries.delete(nodeId);
      this.#close(connection);
    }
    for (const [nodeId, peer] of wanted) {
      if (!this.#entries.has(nodeId)) this.#entries.set(nodeId, { peer, connection: this.connect(peer) });
    }
  }

  /** The connection to a peer; undefined when the node is none. */
  to(nodeId: number): OpenConnection | undefined {
    return this.#entries.get(nodeId)?.connection;
  }

  /** Where a peer is reached; undefined when the node is none. */
  peer(nodeId: number): PeerAddress | undefined {
    return this.#entries.get(nodeId)?.peer;
  }

  /** Closes all. Resolves when nothing is left open, of those that were closed before either. */
  async close(): Promise<void> {
    this.set([]);
    await Promise.all(this.#closing);
  }

  #isReachable(peer: PeerAddress): boolean {
    try {
      parseAddress(peer.address);
      return true;
    } catch (error) {
      this.onMalformed(peer, describeError(error));
      return false;
    }
  }

  #close(connection: OpenConnection): void {
    const closing = connection.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
