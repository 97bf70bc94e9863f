import type {
  AdmissionRefusal,
  ClientHandler,
  ClientListener,
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
  readonly #accepted = new Set<MemoryConnection>();
  #listener: MemoryListener | undefined;
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
    for (const peer of context.peers) {
      const connect = (): MemoryConnection => this.network.connect(listener.address, peer.address);
      this.#links.set(BigInt(peer.nodeId), new PeerLink(peer, linkage, connect));
    }
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
    const links = [...this.#links.values()];
    this.#links.clear();
    for (const connection of this.#accepted) connection.close();
    await Promise.all(links.map((link) => link.close()));
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
