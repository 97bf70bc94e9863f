import { silentLogger, type Logger } from "@paxos/core";

/** How much may wait for a peer in one lane. Both limits count. */
export interface LaneLimits {
  /** Bytes of encoded messages. A message that alone exceeds it passes when the lane is empty. */
  readonly maxBytes: number;
  readonly maxMessages: number;
}

/** When a silent connection counts as dead. */
export interface KeepAliveOptions {
  /** Between the answer to a ping and the next ping. */
  readonly intervalMs: number;
  /** From a ping to the end of the connection, when no answer comes. */
  readonly timeoutMs: number;
}

/** What the suite sets on transports between replicas. The defaults of a transport must suit a local network. */
export interface ReplicaTransportOptions {
  /** Where it says what it refuses, at a limited rate. */
  readonly logger?: Logger;
  /** The largest message between peers, in bytes. Default 32 MiB. */
  readonly maxMessageBytes?: number;
  /** The largest request of a client, in bytes. Default 2 MiB. */
  readonly maxRequestBytes?: number;
  /** What may wait for a peer. */
  readonly lanes?: { readonly control?: LaneLimits; readonly bulk?: LaneLimits };
  /** How long messages to a peer that cannot be reached are kept. Default 1,000 ms. */
  readonly keepUnsentMs?: number;
  /** Pauses between attempts to connect. Default 50 ms, doubling to 1,000 ms. */
  readonly backOff?: { readonly minMs?: number; readonly maxMs?: number };
  /** Pings on every connection. Default: every 1,000 ms, dead after 2,000 ms without an answer. */
  readonly keepAlive?: Partial<KeepAliveOptions>;
  /** How long a connection, and then the handshake, may take. Default 2,000 ms. */
  readonly connectTimeoutMs?: number;
}

/** What the suite sets on transports of clients. */
export interface ClientTransportOptions {
  /** The largest update sent, in bytes of its request. Default 2 MiB. */
  readonly maxRequestBytes?: number;
  readonly keepAlive?: Partial<KeepAliveOptions>;
  readonly connectTimeoutMs?: number;
}

const MiB = 1024 * 1024;
const defaultKeepAlive: KeepAliveOptions = { intervalMs: 1000, timeoutMs: 2000 };

/** The options of a replica's transport with their defaults. */
export const replicaSettings = (options: ReplicaTransportOptions) => ({
  logger: options.logger ?? silentLogger,
  maxMessageBytes: options.maxMessageBytes ?? 32 * MiB,
  maxRequestBytes: options.maxRequestBytes ?? 2 * MiB,
  lanes: {
    control: options.lanes?.control ?? { maxBytes: 64 * MiB, maxMessages: 65_536 },
    bulk: options.lanes?.bulk ?? { maxBytes: 4 * MiB, maxMessages: 64 },
  },
  keepUnsentMs: options.keepUnsentMs ?? 1000,
  backOff: { minMs: 50, maxMs: 1000, ...options.backOff },
  keepAlive: { ...defaultKeepAlive, ...options.keepAlive },
  connectTimeoutMs: options.connectTimeoutMs ?? 2000,
});

/** The options of a client's transport with their defaults. */
export const clientSettings = (options: ClientTransportOptions) => ({
  maxRequestBytes: options.maxRequestBytes ?? 2 * MiB,
  keepAlive: { ...defaultKeepAlive, ...options.keepAlive },
});
