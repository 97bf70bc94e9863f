import { create } from "@bufbuild/protobuf";
import type { ClientHandler, Identity, PeerAddress, RequestError } from "@paxos/core";
import {
  AcceptSchema,
  BackupPieceSchema,
  ChangeMembershipResponseSchema,
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  MessageSchema,
  ProposalSchema,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
  type ClientUpdate,
  type Message,
} from "@paxos/proto";
import { createServer, type AddressInfo } from "node:net";
import { TcpReplicaTransport, type TcpReplicaTransportOptions } from "../src/index.js";

export const clusterId = new Uint8Array(32).fill(7);

/** How a node of that cluster introduces itself. */
export const identityOf = (nodeId: number): Identity => ({
  clusterId,
  nodeId,
  storeId: BigInt(nodeId + 100),
  incarnation: BigInt(nodeId + 200),
  saveHistory: Uint8Array.of(nodeId, 3),
  epochRecord: Uint8Array.of(8, 1, nodeId),
  address: `node-${nodeId}:1`,
  protocolVersion: 2,
  commandVersion: nodeId + 1,
});

export interface EndpointOptions {
  readonly nodeId: number;
  readonly peers?: readonly PeerAddress[];
  readonly address?: string;
  readonly handler?: ClientHandler;
  readonly transport?: TcpReplicaTransportOptions;
}

/** A transport, and a record of what it tells. */
export class Endpoint {
  readonly transport: TcpReplicaTransport;
  readonly received: { readonly from: number; readonly message: Message }[] = [];
  readonly connected: PeerAddress[] = [];
  readonly disconnected: string[] = [];
  readonly refused: string[] = [];
  readonly warnings: string[] = [];

  constructor(private readonly options: EndpointOptions) {
    const warn = (line: string): void => void this.warnings.push(line);
    const logger = { verbose: false, debug: () => undefined, info: () => undefined, warn, error: warn };
    this.transport = new TcpReplicaTransport({ logger, ...options.transport });
    if (options.handler !== undefined) this.transport.serve(options.handler);
  }

  async start(): Promise<this> {
    const { nodeId, peers = [], address = "127.0.0.1:0" } = this.options;
    await this.transport.start({
      identity: identityOf(nodeId),
      address,
      peers,
      onMessage: (from, message) => this.received.push({ from, message }),
      admit: () => undefined,
      onConnected: (peer) => this.connected.push(peer),
      onDisconnected: (_peer, reason) => this.disconnected.push(reason),
      onRefused: (_peer, refusal) => this.refused.push(refusal.detail),
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

  /** Counters that are not 0. */
  get counts(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.transport.counters()).filter(([, count]) => count > 0));
  }
}

/** Closes what a test has opened, last first. */
export class Closables {
  readonly #all: { close(): Promise<void> }[] = [];

  add<T extends { close(): Promise<void> }>(closable: T): T {
    this.#all.push(closable);
    return closable;
  }

  async start(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    this.add(endpoint.transport);
    return endpoint.start();
  }

  /** Two nodes, 0 and 1, that know each other; connected both ways. */
  async pair(transport: TcpReplicaTransportOptions = {}): Promise<[Endpoint, Endpoint]> {
    const address = `127.0.0.1:${await freePort()}`;
    const first = await this.start({ nodeId: 0, peers: [{ nodeId: 1, address }], transport });
    const peers = [{ nodeId: 0, address: first.address }];
    const second = await this.start({ nodeId: 1, address, peers, transport });
    await until(() => first.connected.length > 0 && second.connected.length > 0, "both connected");
    return [first, second];
  }

  async close(): Promise<void> {
    for (const closable of this.#all.splice(0).reverse()) await closable.close();
  }
}

/** Waits for a condition, and fails when it does not come true in time. */
export async function until(condition: () => boolean, what: string, withinMs = 20_000): Promise<void> {
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

/** Answers every update with its timestamp as the seq; what is called can be replaced. */
export function handlerOf(changes: Partial<ClientHandler> = {}): ClientHandler {
  return {
    clientUpdate: ({ timestamp, update }) =>
      Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: timestamp, result: update })),
    query: ({ query }) => Promise.resolve(create(QueryResponseSchema, { nodeId: 3n, result: query })),
    async *log({ fromSeq }) {
      for (let seq = fromSeq; seq <= 3n; seq++) yield create(LogResponseSchema, { firstSeq: seq });
    },
    status: () => Promise.resolve(create(StatusResponseSchema, { nodeId: 3n })),
    takeSnapshot: () => Promise.resolve(create(TakeSnapshotResponseSchema, { seq: 5n })),
    async *backup() {
      for (let index = 1; index <= 3; index++) yield create(BackupPieceSchema, { index });
    },
    members: () => Promise.resolve(create(MembersResponseSchema, { nodeId: 3n })),
    changeMembership: () => Promise.resolve(create(ChangeMembershipResponseSchema)),
    transferLeadership: (to = 3n) =>
      Promise.resolve(create(TransferLeadershipResponseSchema, { leaderId: to })),
    ...changes,
  };
}

export function update(timestamp: number, bytes = 100): ClientUpdate {
  return create(ClientUpdateSchema, {
    clientId: 7n,
    timestamp: BigInt(timestamp),
    update: new Uint8Array(bytes).fill(timestamp),
  });
}

export function accept(to: number, seq: number): Message {
  const value = create(AcceptSchema, { nodeId: 9n, view: 1n, seq: BigInt(seq) });
  return create(MessageSchema, { to: BigInt(to), type: { case: "accept", value }, storeId: 5n });
}

export function proposal(to: number, seq: number, bytes: number): Message {
  const updates = [new Uint8Array(bytes).fill(seq)];
  const value = create(ProposalSchema, { view: 1n, seq: BigInt(seq), updates });
  return create(MessageSchema, { to: BigInt(to), type: { case: "proposal", value } });
}

/** What a promise rejects with. */
export const errorOf = (promise: Promise<unknown>): Promise<RequestError> =>
  promise.then(
    () => Promise.reject(new Error("no error")),
    (error: RequestError) => error,
  );
