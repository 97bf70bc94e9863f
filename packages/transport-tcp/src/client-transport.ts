import type { ClientTransport, UpdateIntake } from "@paxos/core";
import type {
  BackupPiece,
  ChangeMembershipResponse,
  ClientUpdate,
  GloballyOrderedUpdate,
  LogRequest,
  LogResponse,
  MembershipChange,
  MembersResponse,
  QueryRequest,
  QueryResponse,
  StatusResponse,
  TakeSnapshotResponse,
  TransferLeadershipResponse,
} from "@paxos/proto";
import {
  abortedError,
  clientTransportSettings,
  closedError,
  invalidAddressError,
  parseAddress,
  requireChange,
  requireFits,
  requireQueryFits,
  type ClientTransportOptions,
  type ClientTransportSettings,
} from "@paxos/transport-kit";
import type { CallClient } from "./call-client.js";
import { ServerConnection } from "./server-connection.js";

/** Options of {@link TcpClientTransport}. All have defaults. */
export type TcpClientTransportOptions = ClientTransportOptions;

/** Sends requests to servers. One TCP connection per server, made when first needed, and again after a loss. */
export class TcpClientTransport implements ClientTransport {
  readonly #settings: ClientTransportSettings;
  readonly #servers = new Map<string, ServerConnection>();
  #closing: Promise<void> | undefined;

  /** Throws a ConfigError when an option is out of bounds. */
  constructor(options: TcpClientTransportOptions = {}) {
    this.#settings = clientTransportSettings(options);
  }

  async clientUpdate(
    address: string,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    requireFits(update, this.#settings.maxRequestBytes);
    if (signal.aborted) throw abortedError(address, signal);
    return this.#server(address).current.updates.clientUpdate(update, signal);
  }

  updatesTo(address: string): UpdateIntake {
    return this.#server(address).current.updates;
  }

  async query(address: string, request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    requireQueryFits(request, this.#settings.maxRequestBytes);
    if (signal.aborted) throw abortedError(address, signal);
    return this.#server(address).current.updates.query(request, signal);
  }

  async status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    return this.#calls(address, signal).status(signal);
  }

  async takeSnapshot(address: string, signal: AbortSignal): Promise<TakeSnapshotResponse> {
    return this.#calls(address, signal).takeSnapshot(signal);
  }

  async members(address: string, signal: AbortSignal): Promise<MembersResponse> {
    return this.#calls(address, signal).members(signal);
  }

  async changeMembership(
    address: string,
    change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse> {
    return this.#calls(address, signal).changeMembership(requireChange(change), signal);
  }

  async transferLeadership(
    address: string,
    to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse> {
    return this.#calls(address, signal).transferLeadership(to, signal);
  }

  async *log(address: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    yield* this.#calls(address, signal).log(request, signal);
  }

  async *backup(address: string, signal: AbortSignal): AsyncGenerator<BackupPiece> {
    yield* this.#calls(address, signal).backup(signal);
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#servers.values()].map((server) => server.close())).then(
      () => undefined,
    );
    return this.#closing;
  }

  #calls(address: string, signal: AbortSignal): CallClient {
    if (signal.aborted) throw abortedError(address, signal);
    return this.#server(address).current.calls;
  }

  #server(address: string): ServerConnection {
    if (this.#closing !== undefined) throw closedError();
    let server = this.#servers.get(address);
    if (server === undefined) {
      try {
        parseAddress(address);
      } catch {
        throw invalidAddressError(address);
      }
      server = new ServerConnection(address, this.#settings);
      this.#servers.set(address, server);
    }
    return server;
  }
}
