import type { DescMethod } from "@bufbuild/protobuf";
import { createConnectRouter, type ConnectRouter } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { ClientHandler } from "@paxos/core";
import { ClientService, PeerService } from "@paxos/proto";
import {
  frameTargetBytes,
  helloFrameBytes,
  keepAlive,
  maxChangeBytes,
  overheadBytes,
  peerFrameRules,
  requestFrameBytes,
  StreamReplicaTransport,
  type PeerLinkage,
  type PeerReceiver,
  type Protocol,
  type ReplicaTransportOptions,
  updateBatchRules,
} from "@paxos/transport-kit";
import { createServer, type Http2Server } from "node:http2";
import type { Socket } from "node:net";
import type { BodyLimits } from "./body-limits.js";
import { ClientServiceAdapter } from "./client-service.js";
import {
  decodedBatches,
  dropUnknown,
  encodedAnswers,
  EncodedUpdatesService,
  keepEncoded,
} from "./encoded-updates.js";
import { maxSessionMemory, windowBytes } from "./http2-settings.js";
import { exchangeWithPeer } from "./peer-exchange.js";
import { PeerServer } from "./peer-server.js";
import { requestListener } from "./request-listener.js";
import { SessionConnection } from "./session-connection.js";

/** Options of {@link ConnectReplicaTransport}. All have defaults, which suit a local network. */
export type ConnectReplicaTransportOptions = ReplicaTransportOptions;

/** Connections closed because they did not speak HTTP/2, or broke off within it. */
const notHttp2 = "closed_not_http2";

/**
 * Moves messages between replicas on one long-lived Connect stream per peer and direction, over HTTP/2 in clear
 * text, and serves clients on the same port with Connect, gRPC and gRPC-web.
 */
export class ConnectReplicaTransport extends StreamReplicaTransport<typeof notHttp2> {
  /** Throws a ConfigError when an option is out of bounds. */
  constructor(options: ConnectReplicaTransportOptions = {}) {
    super(options, [notHttp2]);
  }

  protected override speak(_linkage: PeerLinkage, receiver: PeerReceiver, handler: ClientHandler): Protocol {
    const server = this.#createServer();
    const { plain, encoded } = this.#services(receiver, handler);
    server.on("request", requestListener(plain, this.#bodyLimits(), encoded));
    return { server, connect: exchangeWithPeer };
  }

  #createServer(): Http2Server {
    const server = createServer({
      settings: { initialWindowSize: windowBytes, maxConcurrentStreams: 10_000 },
      maxSessionMemory,
    });
    let accepted: Socket;
    // Before the server's own listener, which makes the session and tells of it at once.
    server.prependListener("connection", (socket: Socket) => (accepted = socket));
    server.on("session", (session) => {
      session.setLocalWindowSize(windowBytes);
      keepAlive(new SessionConnection(session, accepted), this.settings.keepAlive);
    });
    server.on("sessionError", (error) => {
      this.counts.add(notHttp2);
      this.log.warn(notHttp2, `closed a connection: ${error.message}`);
    });
    return server;
  }

  /** What is served: `encoded` in place of the same calls of `plain` where messages are not in JSON. */
  #services(receiver: PeerReceiver, handler: ClientHandler): Record<"plain" | "encoded", ConnectRouter> {
    const { maxMessageBytes, maxRequestBytes, connectTimeoutMs } = this.settings;
    const faults = { counters: this.counts, log: this.log };
    const clients = new ClientServiceAdapter(handler, faults, maxRequestBytes);
    const { clientUpdate, clientUpdates, log, status, takeSnapshot, backup } = ClientService.method;
    const { members, changeMembership, transferLeadership, query } = ClientService.method;
    const options = {
      binaryOptions: dropUnknown,
      // What is larger than a request may be, but no larger than this, is refused by itself, with a reason.
      readMaxBytes: requestFrameBytes(maxRequestBytes),
      // Compressed requests are understood; answers are small and leave as they are.
      acceptCompression: [compressionGzip, compressionBrotli],
      compressMinBytes: 0xffffffff,
    };
    // Streams go without compression: what is in them is looked at before it is decoded.
    const streamOptions = { ...options, acceptCompression: [] };
    // Members may be many in few bytes. What is larger than a change may be, but no larger than this, is refused with a reason.
    const changeOptions = { ...options, readMaxBytes: maxChangeBytes + overheadBytes };
    const encoded = createConnectRouter().rpc(
      EncodedUpdatesService.method.clientUpdates,
      (batches, context) => encodedAnswers(clients.clientUpdates(decodedBatches(batches), context)),
      { ...streamOptions, binaryOptions: keepEncoded },
    );
    const plain = createConnectRouter()
      .service(PeerService, new PeerServer(receiver, connectTimeoutMs), {
        binaryOptions: dropUnknown,
        readMaxBytes: peerFrameBytes(maxMessageBytes),
      })
      .rpc(clientUpdate, clients.clientUpdate.bind(clients), options)
      .rpc(clientUpdates, clients.clientUpdates.bind(clients), streamOptions)
      .rpc(query, clients.query.bind(clients), options)
      .rpc(log, clients.log.bind(clients), options)
      .rpc(status, clients.status.bind(clients), options)
      .rpc(takeSnapshot, clients.takeSnapshot.bind(clients), options)
      .rpc(backup, clients.backup.bind(clients), options)
      .rpc(members, clients.members.bind(clients), changeOptions)
      .rpc(changeMembership, clients.changeMembership.bind(clients), changeOptions)
      .rpc(transferLeadership, clients.transferLeadership.bind(clients), changeOptions);
    return { plain, encoded };
  }

  #bodyLimits(): ReadonlyMap<string, BodyLimits> {
    const { maxMessageBytes, maxRequestBytes } = this.settings;
    const batchBytes = requestFrameBytes(maxRequestBytes);
    const peers = {
      rules: peerFrameRules,
      maxBytes: peerFrameBytes(maxMessageBytes),
      maxFirstBytes: helloFrameBytes,
    };
    const updates = { rules: updateBatchRules, maxBytes: batchBytes, maxFirstBytes: Infinity };
    return new Map([
      [pathOf(PeerService.method.exchange), peers],
      [pathOf(ClientService.method.clientUpdates), updates],
    ]);
  }
}

function peerFrameBytes(maxMessageBytes: number): number {
  return Math.max(maxMessageBytes, 2 * frameTargetBytes) + overheadBytes;
}

function pathOf({ name, parent }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}
