import { createClient, type Client, type Transport as CallTransport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { maxChunkBytes, type ClientTransport, type UpdateIntake } from "@paxos/core";
import {
  ClientService,
  type BackupPiece,
  type ChangeMembershipResponse,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type MembershipChange,
  type MembersResponse,
  type QueryRequest,
  type QueryResponse,
  type StatusResponse,
  type TakeSnapshotResponse,
  type TransferLeadershipResponse,
} from "@paxos/proto";
import {
  abortedError,
  AbortListeners,
  clientTransportSettings,
  closedError,
  invalidAddressError,
  keepAlive,
  overheadBytes,
  requireChange,
  requireFits,
  requireQueryFits,
  type ClientTransportOptions,
  type ClientTransportSettings,
} from "@paxos/transport-kit";
import type { ClientHttp2Session } from "node:http2";
import { dial, DialedSession, originOf } from "./dial.js";
import { decodedAnswers, encodedBatches, EncodedUpdatesService } from "./encoded-updates.js";
import { fromConnectError } from "./error-codes.js";
import { windowBytes } from "./http2-settings.js";
import { connectionOf } from "./session-connection.js";
import { askAlone, orderAlone, UpdateCalls, type OpenUpdates } from "./update-calls.js";

/** Options of a client's connections. All have defaults. */
export interface ConnectClientTransportOptions extends ClientTransportOptions {
  /** The protocol spoken over HTTP/2. Default "connect", which is the faster one for single updates. */
  readonly protocol?: "connect" | "grpc";
  /**
   * How updates and queries travel: all of a server's on one stream, or each as a call of its own, which takes several times the work. Default
   * "stream".
   */
  readonly updates?: "stream" | "unary";
}

interface Settings extends ClientTransportSettings {
  readonly protocol: "connect" | "grpc";
  readonly updates: "stream" | "unary";
}

/** Sends requests to servers. One HTTP/2 connection per server, made when first needed, and again after a loss. */
export class ConnectClientTransport implements ClientTransport {
  readonly #settings: Settings;
  readonly #servers = new Map<string, ServerConnection>();
  readonly #aborts = new AbortListeners();
  #closing: Promise<void> | undefined;

  /** Throws a ConfigError when an option is out of bounds. */
  constructor(options: ConnectClientTransportOptions = {}) {
    const { protocol = "connect", updates = "stream" } = options;
    this.#settings = { ...clientTransportSettings(options), protocol, updates };
  }

  async clientUpdate(
    address: string,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    requireFits(update, this.#settings.maxRequestBytes);
    if (this.#settings.updates === "unary") {
      return this.#call(address, signal, (client, own) => orderAlone(client, update, own));
    }
    if (signal.aborted) throw abortedError(address, signal);
    return this.#server(address).updates.current.clientUpdate(update, signal);
  }

  updatesTo(address: string): UpdateIntake | undefined {
    return this.#settings.updates === "unary" ? undefined : this.#server(address).updates.current;
  }

  async query(address: string, request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    requireQueryFits(request, this.#settings.maxRequestBytes);
    if (this.#settings.updates === "unary") {
      return this.#call(address, signal, (client, own) => askAlone(client, request, own));
    }
    if (signal.aborted) throw abortedError(address, signal);
    return this.#server(address).updates.current.query(request, signal);
  }

  status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    return this.#call(address, signal, (client, own) => client.status({}, { signal: own }));
  }

  takeSnapshot(address: string, signal: AbortSignal): Promise<TakeSnapshotResponse> {
    return this.#call(address, signal, (client, own) => client.takeSnapshot({}, { signal: own }));
  }

  members(address: string, signal: AbortSignal): Promise<MembersResponse> {
    return this.#call(address, signal, (client, own) => client.members({}, { signal: own }));
  }

  changeMembership(
    address: string,
    change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse> {
    return this.#call(address, signal, (client, own) =>
      client.changeMembership({ change: requireChange(change) }, { signal: own }),
    );
  }

  transferLeadership(
    address: string,
    to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse> {
    const request = to === undefined ? {} : { nodeId: to };
    return this.#call(address, signal, (client, own) => client.transferLeadership(request, { signal: own }));
  }

  log(address: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    return this.#stream(address, signal, ({ client }, own) => client.log(request, { signal: own }));
  }

  backup(address: string, signal: AbortSignal): AsyncGenerator<BackupPiece> {
    return this.#stream(address, signal, ({ backups }, own) => backups.backup({}, { signal: own }));
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#servers.values()].map((server) => server.close())).then(
      () => undefined,
    );
    return this.#closing;
  }

  async #call<T>(
    address: string,
    signal: AbortSignal,
    call: (client: Client<typeof ClientService>, own: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw abortedError(address, signal);
    const link = this.#follow(signal);
    try {
      return await call(this.#server(address).client, link.controller.signal);
    } catch (error) {
      throw fromConnectError(error, address, signal);
    } finally {
      link.unlink();
    }
  }

  async *#stream<T>(
    address: string,
    signal: AbortSignal,
    open: (server: ServerConnection, own: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    if (signal.aborted) throw abortedError(address, signal);
    const link = this.#follow(signal);
    try {
      yield* open(this.#server(address), link.controller.signal);
    } catch (error) {
      throw fromConnectError(error, address, signal);
    } finally {
      link.unlink();
      // Ends the stream when the caller has stopped reading before its end.
      link.controller.abort();
    }
  }

  /**
   * A controller that follows a caller's signal. The library leaves listeners behind on the signals that it is given, and
   * a caller may use one signal for very many requests, at the same time too.
   */
  #follow(signal: AbortSignal): { controller: AbortController; unlink: () => void } {
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal.reason);
    this.#aborts.add(signal, onAbort);
    return { controller, unlink: () => this.#aborts.remove(signal, onAbort) };
  }

  #server(address: string): ServerConnection {
    if (this.#closing !== undefined) throw closedError();
    let server = this.#servers.get(address);
    if (server === undefined) {
      if (!isAddress(address)) throw invalidAddressError(address);
      server = new ServerConnection(address, this.#settings);
      this.#servers.set(address, server);
    }
    return server;
  }
}

/** The connection to one server. */
class ServerConnection {
  readonly client: Client<typeof ClientService>;
  /** The same, for backups: takes no more bytes at once than a chunk has. */
  readonly backups: Client<typeof ClientService>;
  readonly updates: UpdateCalls;
  readonly #closing = new AbortController();
  readonly #open = new Set<ClientHttp2Session>();
  #session: Promise<ClientHttp2Session> | undefined;

  constructor(
    private readonly address: string,
    private readonly settings: Settings,
  ) {
    const options = {
      baseUrl: originOf(address),
      httpVersion: "2" as const,
      sessionManager: new DialedSession(address, () => this.#live()),
      acceptCompression: [],
    };
    const transportOf = (readMaxBytes?: number): CallTransport => {
      const limited = readMaxBytes === undefined ? options : { ...options, readMaxBytes };
      return settings.protocol === "grpc" ? createGrpcTransport(limited) : createConnectTransport(limited);
    };
    const transport = transportOf();
    this.client = createClient(ClientService, transport);
    const encoded = createClient(EncodedUpdatesService, transport);
    const openUpdates: OpenUpdates = (batches) =>
      decodedAnswers(encoded.clientUpdates(encodedBatches(batches)));
    this.backups = createClient(ClientService, transportOf(maxChunkBytes + overheadBytes));
    this.updates = new UpdateCalls(address, this.client, openUpdates, settings.maxRequestBytes);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#session?.catch(() => undefined);
    // Without an error, calls under way would not be told.
    const closed = new Error("the client transport was closed");
    await Promise.all([...this.#open].map((session) => connectionOf(session).hungUp(closed)));
  }

  /** A connection on which requests can be made. */
  async #live(): Promise<ClientHttp2Session> {
    const dialed = this.#dialed();
    const session = await dialed;
    if (!session.destroyed && !session.closed) return session;
    // It is ending, and has not said so yet.
    this.#forget(dialed);
    return this.#dialed();
  }

  #dialed(): Promise<ClientHttp2Session> {
    if (this.#session !== undefined) return this.#session;
    const dialing = this.#dial(() => this.#forget(dialing));
    this.#session = dialing;
    return dialing;
  }

  #forget(session: Promise<ClientHttp2Session>): void {
    if (this.#session === session) this.#session = undefined;
  }

  async #dial(forget: () => void): Promise<ClientHttp2Session> {
    try {
      const { connectTimeoutMs: timeoutMs, keepAlive: pings } = this.settings;
      const session = await dial(this.address, { timeoutMs, windowBytes, signal: this.#closing.signal });
      this.#open.add(session);
      session.once("close", () => {
        this.#open.delete(session);
        forget();
      });
      // No new request is made on a connection whose server is about to close it.
      session.once("goaway", () => {
        forget();
        this.updates.renew();
      });
      keepAlive(connectionOf(session), pings);
      return session;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

function isAddress(address: string): boolean {
  try {
    originOf(address);
    return true;
  } catch {
    return false;
  }
}
