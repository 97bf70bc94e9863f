import type {
  AdmissionRefusal,
  ClientHandler,
  ClientListener,
  PeerAddress,
  Transport,
  TransportContext,
} from "@paxos/core";
import type { Message } from "@paxos/proto";
import { replicaSettings, type ReplicaTransportOptions } from "../options.js";
import { ClientServer } from "./client-server.js";
import { Counters } from "./counters.js";
import { NoFrameError, receiveFirstFrame } from "./frames.js";
import type { MemoryConnection } from "./memory-connection.js";
import { parseAddress, type MemoryListener, type MemoryNetwork } from "./memory-network.js";
import { PeerLink, type Linkage } from "./peer-link.js";
import { PeerReceiver } from "./peer-receiver.js";

/**
 * Moves messages between replicas of one process, and serves clients. The reference: it does all that
 * `Transport` and `ClientListener` promise, and nothing to be fast.
 */
export class MemoryReplicaTransport implements Transport, ClientListener {
  readonly #settings: ReturnType<typeof replicaSettings>;
  readonly #counters: Counters;
  readonly #clients: ClientServer;
  readonly #links = new Map<bigint, PeerLink>();
  /** The ends of links to peers that are gone. */
  readonly #ending = new Set<Promise<void>>();
  readonly #accepted = new Set<MemoryConnection>();
  #listener: MemoryListener | undefined;
  /** Makes a link to a peer. Undefined before `start` has resolved, and after `close`. */
  #link: ((peer: PeerAddress) => PeerLink) | undefined;
  /** What was set before `start` had resolved. */
  #early: readonly PeerAddress[] | undefined;
  #started = false;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly network: MemoryNetwork,
    options: ReplicaTransportOptions = {},
  ) {
    this.#settings = replicaSettings(options);
    this.#counters = new Counters(this.#settings.logger);
    this.#clients = new ClientServer(this.#counters, this.#settings.maxRequestBytes);
  }

  /** The address that it listens on, with the port that was chosen; undefined while it does not listen. */
  get address(): string | undefined {
    return this.#listener?.address;
  }

  serve(handler: ClientHandler): void {
    if (this.#started) throw new Error("serve must be called before start");
    this.#clients.handler = handler;
  }

  /** Rejects with a ListenError when it cannot listen, with a ConfigError when an address is malformed. */
  async start(context: TransportContext): Promise<void> {
    if (this.#closing !== undefined) throw new Error("the transport is closed");
    if (this.#started) throw new Error("the transport was started before");
    this.#started = true;
    for (const { address } of context.peers) parseAddress(address);
    const linkage = this.#linkage(context);
    const receiver = new PeerReceiver(linkage);
    const listener = this.network.listen(context.address, (connection) => {
      void this.#accept(connection, receiver);
    });
    this.#listener = listener;
    // Others need a while to listen; so does this one, so that `close` may come between.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#closing !== undefined) throw new Error("the transport was closed while it started");
    this.#link = (peer) =>
      new PeerLink(peer, linkage, () => this.network.connect(listener.address, peer.address));
    this.setPeers(this.#early ?? context.peers);
  }

  /** Before `start` has resolved, it takes the place of the peers that `start` was given; after `close` it does nothing. */
  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#link === undefined) {
      this.#early = [...peers];
      return;
    }
    const wanted = new Map(
      peers.filter((peer) => this.#isReachable(peer)).map((peer) => [BigInt(peer.nodeId), peer]),
    );
    for (const [nodeId, link] of this.#links) {
      if (wanted.get(nodeId)?.address === link.peer.address) continue;
      this.#links.delete(nodeId);
      const ending = link.close().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
    for (const [nodeId, peer] of wanted)
      if (!this.#links.has(nodeId)) this.#links.set(nodeId, this.#link(peer));
  }

  send(message: Message): void {
    const link = this.#links.get(message.to);
    if (link === undefined) this.#counters.add("dropped_not_sendable");
    else link.send(message);
  }

  counters(): Readonly<Record<string, number>> {
    return this.#counters.snapshot();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    if (this.#link !== undefined) this.setPeers([]);
    this.#link = undefined;
    for (const connection of this.#accepted) connection.close();
    await Promise.all(this.#ending);
  }

  #isReachable({ nodeId, address }: PeerAddress): boolean {
    try {
      parseAddress(address);
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#counters.warn("malformed_address", `node ${nodeId} is not connected to: ${why}`);
      return false;
    }
  }

  /** The first frame decides who speaks on a connection. */
  async #accept(connection: MemoryConnection, receiver: PeerReceiver): Promise<void> {
    this.#accepted.add(connection);
    connection.onClose(() => this.#accepted.delete(connection));
    connection.keepAlive(this.#settings.keepAlive);
    try {
      const first = await receiveFirstFrame(connection, this.#settings.connectTimeoutMs);
      if (first === undefined) return;
      if (first.updates !== undefined || first.calls.length > 0) await this.#clients.serve(connection, first);
      else await receiver.serve(connection, first);
    } catch (error) {
      if (!(error instanceof NoFrameError)) throw error;
      this.#counters.addAndWarn(
        "closed_undecodable",
        `closed the connection from ${connection.remote}: ${error.message}`,
      );
    } finally {
      connection.close();
    }
  }

  #linkage(context: TransportContext): Linkage {
    const told = new Map<number, string>();
    return {
      context,
      settings: this.#settings,
      counters: this.#counters,
      peer: (nodeId) => this.#links.get(BigInt(nodeId))?.peer,
      tellRefusal: (peer, refusal: AdmissionRefusal | undefined) => {
        const text = `${refusal?.reason}: ${refusal?.detail}`;
        if (refusal === undefined) {
          told.delete(peer.nodeId);
        } else if (told.get(peer.nodeId) !== text) {
          told.set(peer.nodeId, text);
          context.onRefused(peer, refusal);
        }
      },
    };
  }
}
