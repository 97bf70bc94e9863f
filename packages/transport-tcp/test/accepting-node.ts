import { silentLogger, type ClientHandler, type TransportContext } from "@paxos/core";
import type { Message } from "@paxos/proto";
import {
  Counters,
  LimitedLog,
  PeerReceiver,
  RefusalNotices,
  replicaTransportSettings,
} from "@paxos/transport-kit";
import { AcceptedConnection, type Host } from "../src/accepted-connection.js";
import { tcpCounters } from "../src/counters.js";
import { handlerOf, identityOf } from "./endpoint.js";
import { MemoryLink } from "./memory-link.js";

/** Node 0 of a cluster of two, as connections that it accepts see it; without sockets. */
export class AcceptingNode {
  readonly counters = new Counters(tcpCounters);
  readonly received: Message[] = [];
  readonly refusals: string[] = [];
  readonly #host: Host;

  constructor(handler: ClientHandler = handlerOf(), maxMessageBytes = 4096, maxRequestBytes = 4096) {
    const identity = identityOf(0);
    const context: TransportContext = {
      identity,
      address: "127.0.0.1:0",
      peers: [{ nodeId: 1, address: "127.0.0.1:1" }],
      onMessage: (_from, message) => this.received.push(message),
      admit: ({ nodeId, storeId }) => {
        if (nodeId !== 1) return { reason: "node", detail: "no member" };
        return storeId === 101n ? undefined : { reason: "store", detail: "another store" };
      },
      onConnected: () => undefined,
      onDisconnected: () => undefined,
      onRefused: (_peer, { detail }) => this.refusals.push(detail),
    };
    const { counters } = this;
    const log = new LimitedLog(silentLogger);
    const settings = replicaTransportSettings({ maxMessageBytes, maxRequestBytes });
    const notices = new RefusalNotices(context);
    const peer = (nodeId: number) => context.peers.find((one) => one.nodeId === nodeId);
    const receiver = new PeerReceiver({ context, settings, counters, log, notices, peer }, () => undefined);
    const faults = { counters, log };
    this.#host = { identity, receiver, handler, faults, maxMessageBytes, maxRequestBytes };
  }

  /** Counters that are not 0. */
  get counts(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.counters.snapshot()).filter(([, count]) => count > 0));
  }

  /** A connection that has just been made to it. */
  accept(): { link: MemoryLink; connection: AcceptedConnection } {
    const link = new MemoryLink();
    const connection = new AcceptedConnection(link, this.#host, () => undefined);
    link.carry(connection);
    return { link, connection };
  }
}
