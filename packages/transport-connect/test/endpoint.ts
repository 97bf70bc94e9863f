import { create } from "@bufbuild/protobuf";
import type { AdmissionRefusal, ClientHandler, Identity, PeerAddress } from "@paxos/core";
import { AcceptSchema, CatchUpAnswerSchema, MessageSchema, type Message } from "@paxos/proto";
import { createServer, type AddressInfo } from "node:net";
import { ConnectReplicaTransport, type ConnectReplicaTransportOptions } from "../src/index.js";

export interface EndpointOptions {
  readonly nodeId: number;
  readonly peers?: readonly PeerAddress[];
  readonly address?: string;
  readonly handler?: ClientHandler;
  readonly transport?: ConnectReplicaTransportOptions;
  readonly admit?: (peer: Identity) => AdmissionRefusal | undefined;
}

export const clusterId = new Uint8Array(32).fill(7);

/** A transport, and a record of what it tells. */
export class Endpoint {
  readonly transport: ConnectReplicaTransport;
  readonly received: { readonly from: number; readonly message: Message }[] = [];
  readonly connected: PeerAddress[] = [];
  readonly disconnected: { readonly peer: PeerAddress; readonly reason: string }[] = [];
  readonly refused: { readonly peer: PeerAddress; readonly refusal: AdmissionRefusal }[] = [];
  readonly warnings: string[] = [];

  constructor(private readonly options: EndpointOptions) {
    const warn = (line: string): void => void this.warnings.push(line);
    const logger = { verbose: false, debug: () => undefined, info: () => undefined, warn, error: warn };
    this.transport = new ConnectReplicaTransport({ logger, ...options.transport });
    if (options.handler !== undefined) this.transport.serve(options.handler);
  }

  async start(): Promise<this> {
    const { nodeId, peers = [], address = "127.0.0.1:0", admit } = this.options;
    await this.transport.start({
      identity: {
        clusterId,
        nodeId,
        storeId: BigInt(nodeId + 100),
        incarnation: BigInt(nodeId + 200),
        saveHistory: Uint8Array.of(nodeId, 3),
        epochRecord: Uint8Array.of(8, 1, nodeId),
        address: `node-${nodeId}:1`,
        protocolVersion: 2,
        commandVersion: nodeId + 1,
      },
      address,
      peers,
      onMessage: (from, message) => this.received.push({ from, message }),
      admit: (peer) => admit?.(peer),
      onConnected: (peer) => this.connected.push(peer),
      onDisconnected: (peer, reason) => this.disconnected.push({ peer, reason }),
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

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  counter(name: string): number {
    return this.transport.counters()[name] ?? NaN;
  }
}

/** Starts endpoints, and closes all that were started. */
export class Endpoints {
  readonly #all: Endpoint[] = [];

  async start(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    this.#all.push(endpoint);
    return endpoint.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((endpoint) => endpoint.transport.close()));
  }
}

/** Waits for a condition, and fails when it does not come true in time. */
export async function until(condition: () => boolean, what: string, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function accept(to: number, seq: number): Message {
  const value = create(AcceptSchema, { nodeId: 9n, view: 1n, seq: BigInt(seq) });
  return create(MessageSchema, { to: BigInt(to), type: { case: "accept", value }, storeId: 5n });
}

export function catchUpAnswer(to: number, seq: number, bytes: number): Message {
  const value = create(CatchUpAnswerSchema, { seq: BigInt(seq), updates: [new Uint8Array(bytes)] });
  return create(MessageSchema, { to: BigInt(to), type: { case: "catchUpAnswer", value } });
}
