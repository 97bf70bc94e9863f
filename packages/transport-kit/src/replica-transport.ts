import type { ClientHandler, ClientListener, PeerAddress, Transport, TransportContext } from "@paxos/core";
import type { Message } from "@paxos/proto";
import type { Server, Socket } from "node:net";
import { formatAddress, parseAddress } from "./address.js";
import { Counters } from "./counters.js";
import { LimitedLog } from "./limited-log.js";
import type { PeerLinkage } from "./linkage.js";
import { listen } from "./listen.js";
import {
  replicaTransportSettings,
  type ReplicaTransportOptions,
  type ReplicaTransportSettings,
} from "./options.js";
import type { Connect } from "./peer-attempt.js";
import { servesNoClients } from "./no-clients.js";
import { PeerConnection } from "./peer-connection.js";
import { PeerConnections } from "./peer-connections.js";
import { PeerReceiver } from "./peer-receiver.js";
import { RefusalNotices } from "./refusal-notices.js";

/** What a stream transport is made of, beyond what all have. */
export interface Protocol {
  /** Accepts the connections of peers and clients on the node's port. Not listening yet. */
  readonly server: Server;
  /** Makes the connections to peers. */
  readonly connect: Connect;
}

/**
 * A transport between replicas on streams of bytes, which serves clients on the same port: everything but how
 * frames are written. `Own` are the names of counters that it has beyond those of all.
 */
export abstract class StreamReplicaTransport<Own extends string = never>
  implements Transport, ClientListener
{
  protected readonly settings: ReplicaTransportSettings;
  protected readonly counts: Counters<Own>;
  protected readonly log: LimitedLog;
  #handler = servesNoClients;
  /** Undefined before it listens, and when it is closed. */
  #connections: PeerConnections | undefined;
  /** What was set before it listened. */
  #early: readonly PeerAddress[] | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #address: string | undefined;

  /** Throws a ConfigError when an option is out of bounds. */
  protected constructor(options: ReplicaTransportOptions, ownCounters: readonly Own[] = []) {
    this.settings = replicaTransportSettings(options);
    this.counts = new Counters(ownCounters);
    this.log = new LimitedLog(this.settings.logger);
  }

  /** Makes the server and what connects to peers. Called once, when the transport starts. */
  protected abstract speak(linkage: PeerLinkage, receiver: PeerReceiver, handler: ClientHandler): Protocol;

  /** The address that it listens on, with the port that was chosen; undefined while it does not listen. */
  get address(): string | undefined {
    return this.#address;
  }

  serve(handler: ClientHandler): void {
    if (this.#starting !== undefined) throw new Error("serve must be called before start");
    this.#handler = handler;
  }

  /** Rejects with a ListenError when it cannot listen, with a ConfigError when an address is malformed. */
  start(context: TransportContext): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new Error("the transport is closed"));
    if (this.#starting !== undefined) return Promise.reject(new Error("the transport was started before"));
    this.#starting = this.#start(context);
    return this.#starting;
  }

  async #start(context: TransportContext): Promise<void> {
    const own = parseAddress(context.address);
    for (const { address } of context.peers) parseAddress(address);
    const linkage: PeerLinkage = {
      context,
      settings: this.settings,
      counters: this.counts,
      log: this.log,
      notices: new RefusalNotices(context),
      peer: (nodeId) => this.#connections?.peer(nodeId),
    };
    const receiver = new PeerReceiver(linkage, (nodeId) => this.#connections?.to(nodeId)?.hurry());
    const { server, connect } = this.speak(linkage, receiver, this.#handler);
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    const port = await listen(server, own);
    if (this.#closing !== undefined) throw new Error("the transport was closed while it started");
    this.#address = formatAddress({ host: own.host, port });
    this.#connections = new PeerConnections(
      (peer) => new PeerConnection(peer, linkage, connect),
      ({ nodeId }, why) => this.log.warn("malformed_address", `node ${nodeId} is not connected to: ${why}`),
    );
    this.#connections.set(this.#early ?? context.peers);
    this.#early = undefined;
  }

  /** Before `start` has resolved, it takes the place of the peers that `start` was given; after `close` it does nothing. */
  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#connections !== undefined) this.#connections.set(peers);
    else if (this.#closing === undefined) this.#early = [...peers];
  }

  send(message: Message): void {
    const connection = this.#connections?.to(Number(message.to));
    if (connection === undefined) this.counts.add("dropped_not_sendable");
    else connection.send(message);
  }

  counters(): Readonly<Record<string, number>> {
    return this.counts.snapshot();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const connections = this.#connections;
    this.#connections = undefined;
    const server = this.#server;
    const serverClosed = new Promise<void>((resolve) => {
      if (server?.listening === true) server.close(() => resolve());
      else resolve();
    });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([serverClosed, connections?.close()]);
    this.#address = undefined;
  }
}
