import type { ClientHandler } from "@paxos/core";
import {
  keepAlive,
  StreamReplicaTransport,
  type PeerLinkage,
  type PeerReceiver,
  type Protocol,
  type ReplicaTransportOptions,
} from "@paxos/transport-kit";
import { createServer, type Socket } from "node:net";
import { AcceptedConnection, type Host } from "./accepted-connection.js";
import { tcpCounters, type TcpCounter } from "./counters.js";
import { FrameSocket } from "./frame-socket.js";
import { peerCalls } from "./peer-call.js";

/** Options of {@link TcpReplicaTransport}. All have defaults, which suit a local network. */
export type TcpReplicaTransportOptions = ReplicaTransportOptions;

/**
 * Moves messages between replicas in frames over one TCP connection per peer and direction, and serves clients on the
 * same port. PROTOCOL.md tells what the bytes are.
 */
export class TcpReplicaTransport extends StreamReplicaTransport<TcpCounter> {
  /** Throws a ConfigError when an option is out of bounds. */
  constructor(options: TcpReplicaTransportOptions = {}) {
    super(options, tcpCounters);
  }

  protected override speak(
    { context }: PeerLinkage,
    receiver: PeerReceiver,
    handler: ClientHandler,
  ): Protocol {
    const { maxMessageBytes, maxRequestBytes } = this.settings;
    const faults = { counters: this.counts, log: this.log };
    const host: Host = {
      identity: context.identity,
      receiver,
      handler,
      faults,
      maxMessageBytes,
      maxRequestBytes,
    };
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket, host));
    return { server, connect: peerCalls(faults) };
  }

  #accept(socket: Socket, host: Host): void {
    const { keepAlive: pings, connectTimeoutMs } = this.settings;
    const link = new FrameSocket(socket, { lingerMs: connectTimeoutMs });
    const connection = new AcceptedConnection(link, host, () => {
      clearTimeout(timer);
      keepAlive(link, pings, () => link.bytesAhead);
    });
    const timer = setTimeout(() => connection.onLate(), connectTimeoutMs);
    link.onClose(() => clearTimeout(timer));
    link.carry(connection);
  }
}
