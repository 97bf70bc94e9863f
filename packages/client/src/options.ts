import { ConfigError, silentLogger, type ClientTransport, type Logger } from "@paxos/core";
import { systemEnvironment, type ClientEnvironment } from "./environment.js";

/** How a client is set up. */
export interface ConnectOptions {
  /** The servers' addresses: host:port, IPv6 in brackets. At least one, each once; not all need be up. */
  readonly servers: readonly string[];
  /** Moves the requests. It belongs to the client from here on, which closes it. */
  readonly transport: ClientTransport;
  /**
   * How long an update may take, in milliseconds: a whole number from 1 to 2,147,483,647, or Infinity. Default
   * 30,000. With Infinity an update waits until its signal is aborted or the client closed.
   */
  readonly timeoutMs?: number;
  /**
   * How many updates may wait for being sent, because 1,024 others are on their way or no server is reached: a whole
   * number from 1 to 16,777,216. Default 65,536. Updates above that are rejected as busy.
   */
  readonly maxWaiting?: number;
  /**
   * Whether servers that the cluster names as its members are used besides those of `servers`, which stay as those to fall back on.
   * Default true. False is for servers that are reached under other addresses from here than from each other.
   */
  readonly discover?: boolean;
  /** Told which servers fail and come back, and, when it is verbose, every attempt. Default: says nothing. */
  readonly logger?: Logger;
  /** For tests alone: time and chance. Default: the machine's. */
  readonly environment?: Partial<ClientEnvironment>;
}

/** The options with their defaults. */
export type Settings = Required<ConnectOptions> & { readonly environment: ClientEnvironment };

/** The longest time that a timer takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Fills in defaults. Throws a {@link ConfigError} that names the option which is out of bounds. */
export function settingsOf(options: ConnectOptions): Settings {
  const { servers, transport, timeoutMs = 30_000, maxWaiting = 65_536, discover = true } = options;
  checkServers(servers);
  if (typeof transport?.clientUpdate !== "function")
    throw new ConfigError(
      "transport is missing: give a ClientTransport, new ConnectClientTransport() for instance",
    );
  const wrong = timeoutProblem(timeoutMs);
  if (wrong !== undefined) throw new ConfigError(wrong);
  if (!Number.isInteger(maxWaiting) || maxWaiting < 1 || maxWaiting > 2 ** 24)
    throw new ConfigError(`maxWaiting is ${maxWaiting}; it must be a whole number from 1 to ${2 ** 24}`);
  if (typeof discover !== "boolean")
    throw new ConfigError(`discover is ${String(discover)}; it must be true or false`);
  return {
    servers: [...servers],
    transport,
    timeoutMs,
    maxWaiting,
    discover,
    logger: options.logger ?? silentLogger,
    environment: { ...systemEnvironment, ...options.environment },
  };
}

/** What is wrong with a timeout, for people. Undefined when nothing is. */
export function timeoutProblem(timeoutMs: number): string | undefined {
  if (timeoutMs === Infinity) return undefined;
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return undefined;
  return `timeoutMs is ${timeoutMs}; it must be Infinity or a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`;
}

function checkServers(servers: readonly string[] | undefined): void {
  if (servers === undefined || servers.length === 0)
    throw new ConfigError("servers is empty: give the address of at least one, as host:port");
  const seen = new Set<string>();
  for (const address of servers) {
    if (!isAddress(address))
      throw new ConfigError(
        `servers: "${String(address)}" is no address: give host:port, with a port from 1 to 65535 and IPv6 in brackets`,
      );
    if (seen.has(address)) throw new ConfigError(`servers: ${address} is there twice; name each server once`);
    seen.add(address);
  }
}

/** Whether it is host:port, with IPv6 in brackets. */
export function isAddress(address: unknown): boolean {
  const match =
    typeof address === "string" ? /^(?:\[[^\][%\s]+\]|[^:\][/\s]+):(\d{1,5})$/.exec(address) : null;
  const port = Number(match?.[1]);
  return port >= 1 && port <= 65_535;
}
