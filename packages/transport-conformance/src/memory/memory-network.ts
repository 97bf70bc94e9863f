import { ConfigError } from "@paxos/core";
import { MemoryConnection } from "./memory-connection.js";
import { Wire } from "./wire.js";

/** The address is taken. */
class ListenError extends Error {
  override readonly name = "ListenError";
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What listens. */
export interface MemoryListener {
  /** With the port that was chosen. */
  readonly address: string;
  close(): void;
}

/**
 * A network in one process: names (host:port), connections between them, and cuts. Use one per test.
 *
 * A cut is one way: nothing that `from` sends reaches `to`, connections stay open, nobody is told, and what was sent
 * arrives when the cut heals, as far as its connection has not been given up by then.
 */
export class MemoryNetwork {
  readonly #listeners = new Map<string, (connection: MemoryConnection) => void>();
  readonly #relays = new Map<string, string>();
  readonly #cuts = new Set<string>();
  readonly #stopped = new Set<Wire>();
  readonly #open = new Set<MemoryConnection>();
  readonly #calls = new Map<string, number>();
  #lastPort = 1023;

  /** The ends of connections that have not been closed. */
  get openEnds(): number {
    return this.#open.size;
  }

  /** How many connections have been made to this name. */
  callsTo(name: string): number {
    return this.#calls.get(name) ?? 0;
  }

  /** An address on which nobody listens and which `listen` does not choose for anybody else. */
  freeAddress(host = "127.0.0.1"): string {
    return `${host}:${++this.#lastPort}`;
  }

  /** Listens. Throws a ConfigError when the address is malformed and a {@link ListenError} when it is taken. */
  listen(address: string, onConnection: (connection: MemoryConnection) => void): MemoryListener {
    const { host, port } = parseAddress(address);
    const own = port === 0 ? this.freeAddress(host) : address;
    if (this.#listeners.has(own)) {
      throw new ListenError(
        "EADDRINUSE",
        `cannot listen on ${own}: the port is in use; stop the program that listens on it, or choose another port`,
      );
    }
    this.#listeners.set(own, onConnection);
    return { address: own, close: () => void this.#listeners.delete(own) };
  }

  /** Connects. Frames may be sent at once; where nobody listens, the connection ends with a reason that says so. */
  connect(from: string, to: string): MemoryConnection {
    this.#calls.set(to, this.callsTo(to) + 1);
    const wire = (source: string, target: string): Wire =>
      new Wire(() => this.#isCut(source, target), this.#stopped);
    const there = wire(from, to);
    const [near, far] = MemoryConnection.pair([from, there], [to, wire(to, from)]);
    for (const end of [near, far]) {
      this.#open.add(end);
      end.onClose(() => this.#open.delete(end));
    }
    there.carry(() => {
      const listener = this.#listeners.get(this.#relays.get(to) ?? to);
      if (listener === undefined) far.close(`connect ECONNREFUSED ${to}`);
      else listener(far);
    });
    return near;
  }

  /** Cuts the way from one name to another, or, where a name is left out, from or to everybody. One way. */
  cut({ from = anybody, to = anybody }: { from?: string; to?: string }): void {
    this.#cuts.add(wayOf(from, to));
  }

  /** Heals one cut, as it was made; without arguments, all. */
  heal(cut?: { from?: string; to?: string }): void {
    if (cut === undefined) this.#cuts.clear();
    else this.#cuts.delete(wayOf(cut.from ?? anybody, cut.to ?? anybody));
    for (const wire of this.#stopped) wire.flow();
  }

  /** Breaks all connections that were made to this name, on both sides at once. */
  reset(name: string): void {
    for (const end of this.#open) if (end.remote === name) end.break("read ECONNRESET");
  }

  /** Another name for `address`, so that one way to it can be cut and others not. */
  relay(address: string): string {
    const name = this.freeAddress();
    this.#relays.set(name, address);
    return name;
  }

  #isCut(from: string, to: string): boolean {
    return [wayOf(from, to), wayOf(from, anybody), wayOf(anybody, to), wayOf(anybody, anybody)].some((way) =>
      this.#cuts.has(way),
    );
  }
}

const anybody = "*";
const wayOf = (from: string, to: string): string => `${from} > ${to}`;

/** Reads host:port, IPv6 in brackets. Throws a ConfigError that quotes what it was given. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const [, host, digits] = /^(\[[^\][%]+\]|[^:\][/\s]+):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (host === undefined || !(port <= 65_535)) {
    throw new ConfigError(`"${address}" is no address: give host:port, IPv6 in brackets`);
  }
  return { host, port };
}
