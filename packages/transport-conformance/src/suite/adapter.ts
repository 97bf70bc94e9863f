import type { ClientListener, ClientTransport, Transport } from "@paxos/core";
import type { PeerFrame } from "@paxos/proto";
import type { ClientTransportOptions, ReplicaTransportOptions } from "../options.js";

/** A transport between replicas, as the suite uses it. */
export interface ReplicaTransport extends Transport, ClientListener {
  /** Where it listens, with the port that was chosen; undefined while it does not. */
  readonly address: string | undefined;
}

/** A way to an address on which a transport listens. The suite disturbs it, as networks do. */
export interface Relay {
  /** What is given to peers and clients as the address. */
  readonly address: string;
  /** How many connections were made to it. */
  readonly calls: number;
  /** Passes nothing on, in one direction or in both, and closes nothing; new connections find silence as well. */
  silence(direction?: "there" | "back"): void;
  /** Passes everything on again; what was held back may arrive or not. */
  resume(): void;
  close(): Promise<void>;
}

/** A caller that says exactly what it is told. */
export interface RawCaller {
  /** What it was answered. */
  readonly answers: readonly PeerFrame[];
  /** Whether the connection has ended, however it did. */
  readonly ended: boolean;
  say(...frames: PeerFrame[]): void;
  close(): Promise<void>;
}

/** A callee that answers every caller with one frame and keeps what it hears. */
export interface RawCallee {
  readonly address: string;
  readonly heard: readonly PeerFrame[];
  close(): Promise<void>;
}

/** Bytes that are none of the protocol's. */
export interface Garbage {
  /** What they are, for the test's name. */
  readonly name: string;
  /** The counter that counts the connection which is closed for them. */
  readonly counter: string;
  /** Throws them at an address. Resolves once the other side has closed the connection. */
  throwAt(address: string): Promise<void>;
}

/** What the suite must know of a transport in order to test it. */
export interface TransportAdapter {
  replica(options: ReplicaTransportOptions): ReplicaTransport;
  /** How clients may be made, by name; the tests of clients run with each. */
  readonly clients: Readonly<Record<string, (options: ClientTransportOptions) => ClientTransport>>;
  /** Speaks the frames between peers by hand, whether they make sense or not. */
  readonly raw: {
    call(address: string): RawCaller;
    answer(frame: PeerFrame): Promise<RawCallee>;
  };
  readonly garbage: readonly Garbage[];
  /** The names of counters, where they are others than the suite's. */
  readonly counterNames?: Readonly<Record<string, string>>;
  /** An address on which nobody listens. Default: on loopback. */
  freeAddress?(): Promise<string>;
  /** A way to an address. Default: a relay of TCP connections. */
  relay?(address: string): Promise<Relay>;
  /** How many things of its own are open besides what Node knows of. Default: none. */
  open?(): number;
}
