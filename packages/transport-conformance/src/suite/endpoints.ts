import type { AdmissionRefusal, ClientHandler, ClientTransport, Identity, PeerAddress } from "@paxos/core";
import type { Message, PeerFrame } from "@paxos/proto";
import type { ClientTransportOptions, ReplicaTransportOptions } from "../options.js";
import type { RawCallee, RawCaller, Relay, ReplicaTransport, TransportAdapter } from "./adapter.js";
import { identityOf } from "./messages.js";
import { freeTcpAddress, TcpRelay } from "./tcp-relay.js";
import { until } from "./until.js";

/** A transport as a test wants it. */
export interface EndpointOptions {
  readonly nodeId: number;
  readonly peers?: readonly PeerAddress[];
  readonly address?: string;
  /** What is not as usual in how it introduces itself; getters are read whenever it does. */
  readonly identity?: Partial<Identity>;
  readonly handler?: ClientHandler;
  readonly transport?: ReplicaTransportOptions;
  readonly admit?: (peer: Identity) => AdmissionRefusal | undefined;
  readonly onMessage?: (message: Message) => void;
  readonly onDisconnected?: (peer: PeerAddress) => void;
}

/** Silence is not taken for death, nor is it what ends anything, unless a test says so. */
const patient = { keepAlive: { intervalMs: 60_000, timeoutMs: 60_000 } };

/** A transport, and a record of what it tells. */
export class Endpoint {
  readonly transport: ReplicaTransport;
  readonly received: { readonly from: number; readonly message: Message }[] = [];
  readonly connected: PeerAddress[] = [];
  readonly disconnected: { readonly peer: PeerAddress; readonly reason: string }[] = [];
  readonly refused: { readonly peer: PeerAddress; readonly refusal: AdmissionRefusal }[] = [];
  readonly warnings: string[] = [];

  constructor(
    private readonly options: EndpointOptions,
    private readonly adapter: TransportAdapter,
  ) {
    const warn = (line: string): void => void this.warnings.push(line);
    const logger = { verbose: false, debug: () => undefined, info: () => undefined, warn, error: warn };
    this.transport = adapter.replica({ logger, ...patient, ...options.transport });
    if (options.handler !== undefined) this.transport.serve(options.handler);
  }

  async start(): Promise<this> {
    const {
      nodeId,
      identity,
      peers = [],
      address = "127.0.0.1:0",
      admit,
      onMessage,
      onDisconnected,
    } = this.options;
    await this.transport.start({
      identity: Object.defineProperties(identityOf(nodeId), Object.getOwnPropertyDescriptors(identity ?? {})),
      address,
      peers,
      onMessage: (from, message) => {
        this.received.push({ from, message });
        onMessage?.(message);
      },
      admit: (peer) => admit?.(peer),
      onConnected: (peer) => this.connected.push(peer),
      onDisconnected: (peer, reason) => {
        this.disconnected.push({ peer, reason });
        onDisconnected?.(peer);
      },
      onRefused: (peer, refusal) => this.refused.push({ peer, refusal }),
    });
    return this;
  }

  /** Where it listens. */
  get address(): string {
    const { address } = this.transport;
    if (address === undefined) throw new Error("not listening");
    return address;
  }

  /** A counter, by the name that the suite has for it. */
  counter(name: string): number {
    return this.transport.counters()[this.adapter.counterNames?.[name] ?? name] ?? NaN;
  }
}

/** Makes whatever a test needs, and closes all of it. */
export class Endpoints {
  readonly #clients: ClientTransport[] = [];
  readonly #endpoints: Endpoint[] = [];
  readonly #others: { close(): Promise<void> }[] = [];

  constructor(private readonly adapter: TransportAdapter) {}

  /** An endpoint that has not been started. */
  idle(options: EndpointOptions): Endpoint {
    const endpoint = new Endpoint(options, this.adapter);
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  start(options: EndpointOptions): Promise<Endpoint> {
    return this.idle(options).start();
  }

  /** Node 0, served by this handler, without peers. */
  serving(handler: ClientHandler, transport: ReplicaTransportOptions = {}): Promise<Endpoint> {
    return this.start({ nodeId: 0, handler, transport });
  }

  /** Two nodes, 0 and 1, that know each other; connected both ways. */
  async pair(transport: ReplicaTransportOptions = {}): Promise<[Endpoint, Endpoint]> {
    const address = await this.freeAddress();
    const zero = await this.start({ nodeId: 0, peers: [{ nodeId: 1, address }], transport });
    const one = await this.start({
      nodeId: 1,
      address,
      peers: [{ nodeId: 0, address: zero.address }],
      transport,
    });
    await until(() => zero.connected.length > 0 && one.connected.length > 0, "both connected");
    return [zero, one];
  }

  /** Node 0, whose way to node 1 is a relay; node 1 reaches nobody. Connected. */
  async relayedPair(
    transport: ReplicaTransportOptions = {},
  ): Promise<{ zero: Endpoint; one: Endpoint; relay: Relay }> {
    const one = await this.start({ nodeId: 1, peers: [{ nodeId: 0, address: nowhere }], transport });
    const relay = await this.relay(one.address);
    const peers = [{ nodeId: 1, address: relay.address }];
    const zero = await this.start({ nodeId: 0, peers, transport });
    await until(() => zero.connected.length === 1, "connected");
    return { zero, one, relay };
  }

  client(kind: string, options: ClientTransportOptions = {}): ClientTransport {
    const make = this.adapter.clients[kind];
    if (make === undefined) throw new Error(`the adapter makes no clients by the name of ${kind}`);
    const client = make({ ...patient, ...options });
    this.#clients.push(client);
    return client;
  }

  async relay(address: string): Promise<Relay> {
    const relay = await (this.adapter.relay?.(address) ?? TcpRelay.to(address));
    this.#others.push(relay);
    return relay;
  }

  rawCaller(address: string): RawCaller {
    const caller = this.adapter.raw.call(address);
    this.#others.push(caller);
    return caller;
  }

  async rawCallee(answer: PeerFrame): Promise<RawCallee> {
    const callee = await this.adapter.raw.answer(answer);
    this.#others.push(callee);
    return callee;
  }

  freeAddress(): Promise<string> {
    return this.adapter.freeAddress?.() ?? freeTcpAddress();
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    await Promise.all(this.#endpoints.splice(0).map(({ transport }) => transport.close()));
    await Promise.all(this.#others.splice(0).map((other) => other.close()));
  }
}

/** An address on which nobody listens. */
export const nowhere = "127.0.0.1:9";
