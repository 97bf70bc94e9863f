import { ConfigError, maxEpochRecordBytes, silentLogger, type Logger } from "@paxos/core";
import type { BackOffOptions } from "./back-off.js";
import type { KeepAliveOptions } from "./keep-alive.js";
import type { LaneLimits, LaneName } from "./lanes.js";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Options of a stream transport between replicas. All have defaults, which suit a local network. */
export interface ReplicaTransportOptions {
  /** Where it says what it refuses, at a limited rate. Default: nowhere. */
  readonly logger?: Logger;
  /** The largest message between peers, in bytes. Default 32 MiB. The same on all nodes. */
  readonly maxMessageBytes?: number;
  /** The largest request of a client, in bytes; larger updates are answered as too_large. Default 2 MiB. */
  readonly maxRequestBytes?: number;
  /** What may wait for a peer. Default: control 64 MiB and 65,536 messages, bulk 4 MiB and 64 messages. */
  readonly lanes?: Partial<Readonly<Record<LaneName, LaneLimits>>>;
  /** How long messages to a peer that cannot be reached are kept. Default 1,000 ms; later ones are dropped. */
  readonly keepUnsentMs?: number;
  /** Pauses between attempts to connect. Default 50 ms, doubling to 1,000 ms. */
  readonly backOff?: Partial<BackOffOptions>;
  /** Pings on every connection. Default: every 1,000 ms, dead after 2,000 ms without an answer. */
  readonly keepAlive?: Partial<KeepAliveOptions>;
  /** How long a TCP connection, and then the handshake, may take. Default 2,000 ms each. */
  readonly connectTimeoutMs?: number;
}

/** The options with their defaults. */
export interface ReplicaTransportSettings {
  readonly logger: Logger;
  readonly maxMessageBytes: number;
  readonly maxRequestBytes: number;
  readonly lanes: Readonly<Record<LaneName, LaneLimits>>;
  readonly keepUnsentMs: number;
  readonly backOff: BackOffOptions;
  readonly keepAlive: KeepAliveOptions;
  readonly connectTimeoutMs: number;
}

/** Messages are gathered into frames of about this size; a larger message gets a frame of its own. */
export const frameTargetBytes = 256 * KiB;

/** What a frame adds to the messages in it, and a message to the update in it, at most. */
export const overheadBytes = 64 * KiB;

/** The largest frame of a handshake, in bytes: with room for a Hello that is refused for its epoch record, so that it is told why. */
export const helloFrameBytes = maxEpochRecordBytes + overheadBytes;

/**
 * The largest frame of a client that is read, in bytes: with room for an update that is refused by itself, so that it does not
 * end its connection.
 */
export function requestFrameBytes(maxRequestBytes: number): number {
  return Math.max(maxRequestBytes, defaultMaxRequestBytes) + overheadBytes;
}

/** Options of a client's connections. All have defaults. */
export interface ClientTransportOptions {
  /** The largest update sent, in bytes; larger ones are rejected as too_large. Default 2 MiB, as on the server. */
  readonly maxRequestBytes?: number;
  /** Pings on every connection. Default: every 1,000 ms, dead after 2,000 ms without an answer. */
  readonly keepAlive?: Partial<KeepAliveOptions>;
  /** How long a connection may take. Default 2,000 ms. */
  readonly connectTimeoutMs?: number;
}

/** The options with their defaults. */
export interface ClientTransportSettings {
  readonly maxRequestBytes: number;
  readonly keepAlive: KeepAliveOptions;
  readonly connectTimeoutMs: number;
}

const defaultKeepAlive: KeepAliveOptions = { intervalMs: 1000, timeoutMs: 2000 };
const defaultMaxRequestBytes = 2 * MiB;
const defaultConnectTimeoutMs = 2000;

/** Fills in defaults. Throws a {@link ConfigError} that names the option which is out of bounds. */
export function clientTransportSettings(options: ClientTransportOptions): ClientTransportSettings {
  const settings: ClientTransportSettings = {
    maxRequestBytes: options.maxRequestBytes ?? defaultMaxRequestBytes,
    keepAlive: { ...defaultKeepAlive, ...options.keepAlive },
    connectTimeoutMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
  };
  requireWhole("maxRequestBytes", settings.maxRequestBytes, 1, 1024 * MiB);
  requireKeepAlive(settings.keepAlive);
  requireWhole("connectTimeoutMs", settings.connectTimeoutMs, 1, 60_000);
  return settings;
}

/** Fills in defaults. Throws a {@link ConfigError} that names the option which is out of bounds. */
export function replicaTransportSettings(options: ReplicaTransportOptions): ReplicaTransportSettings {
  const settings: ReplicaTransportSettings = {
    logger: options.logger ?? silentLogger,
    maxMessageBytes: options.maxMessageBytes ?? 32 * MiB,
    maxRequestBytes: options.maxRequestBytes ?? defaultMaxRequestBytes,
    lanes: {
      control: { maxBytes: 64 * MiB, maxMessages: 65_536, ...options.lanes?.control },
      bulk: { maxBytes: 4 * MiB, maxMessages: 64, ...options.lanes?.bulk },
    },
    keepUnsentMs: options.keepUnsentMs ?? 1000,
    backOff: { minMs: 50, maxMs: 1000, ...options.backOff },
    keepAlive: { ...defaultKeepAlive, ...options.keepAlive },
    connectTimeoutMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
  };
  const { lanes, backOff, keepAlive } = settings;
  requireWhole("maxMessageBytes", settings.maxMessageBytes, 1, 1024 * MiB);
  requireWhole("maxRequestBytes", settings.maxRequestBytes, 1, 1024 * MiB);
  for (const lane of ["control", "bulk"] as const) {
    requireWhole(`lanes.${lane}.maxBytes`, lanes[lane].maxBytes, 1, Number.MAX_SAFE_INTEGER);
    requireWhole(`lanes.${lane}.maxMessages`, lanes[lane].maxMessages, 1, Number.MAX_SAFE_INTEGER);
  }
  requireWhole("keepUnsentMs", settings.keepUnsentMs, 0, 60_000);
  requireWhole("backOff.minMs", backOff.minMs, 1, 60_000);
  requireWhole("backOff.maxMs", backOff.maxMs, backOff.minMs, 60_000);
  requireKeepAlive(keepAlive);
  requireWhole("connectTimeoutMs", settings.connectTimeoutMs, 1, 60_000);
  return settings;
}

/** Throws a {@link ConfigError} unless both are whole milliseconds of a sensible size. */
export function requireKeepAlive({ intervalMs, timeoutMs }: KeepAliveOptions): void {
  requireWhole("keepAlive.intervalMs", intervalMs, 1, 3_600_000);
  requireWhole("keepAlive.timeoutMs", timeoutMs, 1, 3_600_000);
}

/** Throws a {@link ConfigError} unless `value` is a whole number from `min` to `max`. */
export function requireWhole(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new ConfigError(`${name} is ${value}; it must be a whole number from ${min} to ${max}`);
}
