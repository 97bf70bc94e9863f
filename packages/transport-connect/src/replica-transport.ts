import { createConnectRouter, type ConnectRouter } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { ClientHandler, ClientListener, Transport, TransportContext } from "@paxos/core";
import { ClientService, PeerService, type Message } from "@paxos/proto";
import { createServer, type Http2Server } from "node:http2";
import type { Socket } from "node:net";
import { formatAddress, parseAddress } from "./address.js";
import { ClientServiceAdapter } from "./client-service.js";
import { Counters } from "./counters.js";
import { runsOn } from "./hang-up.js";
import { keepAlive } from "./keep-alive.js";
import { LimitedLog } from "./limited-log.js";
import { listen } from "./listen.js";
import {
  frameTargetBytes,
  maxSessionMemory,
  overheadBytes,
  replicaTransportSettings,
  windowBytes,
  type ConnectReplicaTransportOptions,
  type ReplicaTransportSettings,
} from "./options.js";
import { PeerConnection, type PeerLinkage } from "./peer-connection.js";
import { PeerServer } from "./peer-server.js";
import { RefusalNotices } from "./refusal-notices.js";
import { requestListener } from "./request-listener.js";

/**
 * Moves messages between replicas on one long-lived Connect stream per peer and direction, over HTTP/2 in clear
 * text, and serves clients on the same port with Connect, gRPC and gRPC-web.
 */
export class ConnectReplicaTransport implements Transport, ClientListener {
  readonly #settings: ReplicaTransportSettings;
  readonly #counters = new Counters();
  readonly #log: LimitedLog;
  readonly #clients: ClientServiceAdapter;
  readonly #connections = new Map<bigint, PeerConnection>();
  readonly #sockets = new Set<Socket>();
  #server: Http2Server | undefined;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #address: string | undefined;

  /** Throws a ConfigError when an option is out of bounds. */
  constructor(options: ConnectReplicaTransportOptions = {}) {
    this.#settings = replicaTransportSettings(options);
    this.#log = new LimitedLog(this.#settings.logger);
    this.#clients = new ClientServiceAdapter(this.#counters, this.#log);
  }

  /** The address that it listens on, with the port that was chosen; undefined while it does not listen. */
  get address(): string | undefined {
    return this.#address;
  }

  serve(handler: ClientHandler): void {
    if (this.#starting !== undefined) throw new Error("serve must be called before start");
    this.#clients.handler = handler;
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
      settings: this.#settings,
      counters: this.#counters,
      log: this.#log,
      notices: new RefusalNotices(context),
    };
    this.#server = this.#createServer(linkage);
    const port = await listen(this.#server, own);
    if (this.#closing !== undefined) throw new Error("the transport was closed while it started");
    this.#address = formatAddress({ host: own.host, port });
    for (const peer of context.peers) {
      this.#connections.set(BigInt(peer.nodeId), new PeerConnection(peer, linkage));
    }
  }

  send(message: Message): void {
    const connection = this.#connections.get(message.to);
    if (connection === undefined) this.#counters.add("dropped_not_sendable");
    else connection.send(message);
  }

  counters(): Readonly<Record<string, number>> {
    return this.#counters.snapshot();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    const server = this.#server;
    const serverClosed = new Promise<void>((resolve) => {
      if (server?.listening === true) server.close(() => resolve());
      else resolve();
    });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([serverClosed, ...connections.map((connection) => connection.close())]);
    this.#address = undefined;
  }

  #createServer(linkage: PeerLinkage): Http2Server {
    const { keepAlive: pings } = this.#settings;
    const server = createServer({
      settings: { initialWindowSize: windowBytes, maxConcurrentStreams: 10_000 },
      maxSessionMemory,
    });
    let accepted: Socket;
    // Before the server's own listener, which makes the session and tells of it at once.
    server.prependListener("connection", (socket: Socket) => {
      accepted = socket;
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("session", (session) => {
      runsOn(session, accepted);
      session.setLocalWindowSize(windowBytes);
      keepAlive(session, pings);
    });
    server.on("sessionError", (error) => {
      this.#counters.add("closed_not_http2");
      this.#log.warn("closed_not_http2", `closed a connection: ${error.message}`);
    });
    server.on("request", requestListener(this.#services(linkage)));
    return server;
  }

  #services(linkage: PeerLinkage): ConnectRouter {
    const { maxMessageBytes, maxRequestBytes } = this.#settings;
    const peers = new PeerServer(linkage, (nodeId) => this.#connections.get(BigInt(nodeId))?.hurry());
    return createConnectRouter()
      .service(PeerService, peers, {
        readMaxBytes: Math.max(maxMessageBytes, 2 * frameTargetBytes) + overheadBytes,
      })
      .service(ClientService, this.#clients, {
        readMaxBytes: maxRequestBytes,
        // Compressed requests are understood; answers are small and leave as they are.
        acceptCompression: [compressionGzip, compressionBrotli],
        compressMinBytes: 0xffffffff,
      });
  }
}
