import { create } from "@bufbuild/protobuf";
import { maxChunkBytes, RequestError, type ClientTransport } from "@paxos/core";
import {
  BackupRequestSchema,
  ChangeMembershipRequestSchema,
  GloballyOrderedUpdateSchema,
  MembersRequestSchema,
  StatusRequestSchema,
  TakeSnapshotRequestSchema,
  TransferLeadershipRequestSchema,
  type BackupPiece,
  type Call,
  type ChangeMembershipResponse,
  type ClientUpdate,
  type Frame,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type MembershipChange,
  type MembersResponse,
  type QueryRequest,
  type QueryResponse,
  type Reply,
  type StatusResponse,
  type TakeSnapshotResponse,
  type TransferLeadershipResponse,
} from "@paxos/proto";
import { clientSettings, type ClientTransportOptions } from "../options.js";
import { fieldBytes, receiveFrame, sendFrame } from "./frames.js";
import { requireChange } from "./membership-change.js";
import type { MemoryConnection } from "./memory-connection.js";
import { parseAddress, type MemoryNetwork } from "./memory-network.js";
import { aborted, noAnswer, readFailure } from "./request-failure.js";

/** Sends requests to servers, each on a connection of its own. */
export class MemoryClientTransport implements ClientTransport {
  readonly #settings: ReturnType<typeof clientSettings>;
  readonly #open = new Set<MemoryConnection>();
  #closed = false;

  constructor(
    private readonly network: MemoryNetwork,
    options: ClientTransportOptions = {},
    /** Its name in the network, for cuts. */
    private readonly name = "client",
  ) {
    this.#settings = clientSettings(options);
  }

  async clientUpdate(
    address: string,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    const limit = this.#settings.maxRequestBytes - fieldBytes;
    if (update.update.length > limit) {
      throw new RequestError(
        "too_large",
        `the update has ${update.update.length} bytes; the limit is ${limit}; split it`,
      );
    }
    for await (const { answers } of this.#request(address, { updates: { updates: [update] } }, signal)) {
      const answer = answers?.answers[0];
      if (answers === undefined || answer === undefined) break;
      if (answer.failure !== undefined) throw readFailure(answer.failure, address);
      const { seq, result, duplicate } = answer;
      const ordered = create(GloballyOrderedUpdateSchema, { seq, result, duplicate });
      if (answers.leaderId !== undefined) ordered.leaderId = answers.leaderId;
      return ordered;
    }
    throw noAnswer(address, "what came was no answer");
  }

  async status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    const asked = { case: "status" as const, value: create(StatusRequestSchema) };
    for await (const reply of this.#call(address, asked, signal))
      if (reply.case === "status") return reply.value;
    throw noAnswer(address, "what came was no answer");
  }

  async takeSnapshot(address: string, signal: AbortSignal): Promise<TakeSnapshotResponse> {
    const asked = { case: "takeSnapshot" as const, value: create(TakeSnapshotRequestSchema) };
    for await (const reply of this.#call(address, asked, signal))
      if (reply.case === "takeSnapshot") return reply.value;
    throw noAnswer(address, "what came was no answer");
  }

  async members(address: string, signal: AbortSignal): Promise<MembersResponse> {
    const asked = { case: "members" as const, value: create(MembersRequestSchema) };
    for await (const reply of this.#call(address, asked, signal))
      if (reply.case === "members") return reply.value;
    throw noAnswer(address, "what came was no answer");
  }

  async changeMembership(
    address: string,
    change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse> {
    const value = create(ChangeMembershipRequestSchema, { change: requireChange(change) });
    for await (const reply of this.#call(address, { case: "changeMembership", value }, signal))
      if (reply.case === "changeMembership") return reply.value;
    throw noAnswer(address, "what came was no answer");
  }

  async transferLeadership(
    address: string,
    to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse> {
    const value = create(TransferLeadershipRequestSchema, to === undefined ? {} : { nodeId: to });
    for await (const reply of this.#call(address, { case: "transferLeadership", value }, signal))
      if (reply.case === "transferLeadership") return reply.value;
    throw noAnswer(address, "what came was no answer");
  }

  async query(address: string, request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    const limit = this.#settings.maxRequestBytes - fieldBytes;
    if (request.query.length > limit) {
      throw new RequestError(
        "too_large",
        `the query has ${request.query.length} bytes; the limit is ${limit}`,
      );
    }
    for await (const reply of this.#call(address, { case: "query", value: request }, signal))
      if (reply.case === "query") return reply.value;
    throw noAnswer(address, "what came was no answer");
  }

  async *log(address: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    for await (const reply of this.#call(address, { case: "log", value: request }, signal))
      if (reply.case === "log") yield reply.value;
  }

  async *backup(address: string, signal: AbortSignal): AsyncGenerator<BackupPiece> {
    const asked = { case: "backup" as const, value: create(BackupRequestSchema) };
    for await (const reply of this.#call(address, asked, signal)) {
      if (reply.case !== "backup") continue;
      const { length } = reply.value.data;
      if (length > maxChunkBytes)
        throw noAnswer(address, `a piece of ${length} bytes; the limit is ${maxChunkBytes}`);
      yield reply.value;
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#open) connection.close("the client transport is closed");
    return Promise.resolve();
  }

  /** The replies to a call, to its end. Throws a RequestError when it fails. */
  async *#call(address: string, type: Call["type"], signal: AbortSignal): AsyncGenerator<Reply["type"]> {
    for await (const { replies } of this.#request(address, { calls: [{ type }] }, signal)) {
      for (const reply of replies) {
        if (reply.type.case === "failure") throw readFailure(reply.type.value, address);
        if (reply.type.case === "end") return;
        yield reply.type;
      }
    }
  }

  /** What comes in answer to a request, until the caller has enough. Throws a RequestError when no more comes. */
  async *#request(
    address: string,
    request: Parameters<typeof sendFrame>[1],
    signal: AbortSignal,
  ): AsyncGenerator<Frame> {
    if (signal.aborted) throw aborted(address, signal);
    if (this.#closed) throw new RequestError("unavailable", "the client transport is closed");
    const connection = this.#connect(address);
    const onAbort = (): void => connection.close();
    signal.addEventListener("abort", onAbort);
    try {
      void sendFrame(connection, request);
      for (;;) {
        const frame = await receiveFrame(connection);
        if (signal.aborted) throw aborted(address, signal);
        if (frame === undefined)
          throw noAnswer(address, connection.closedBecause ?? "the connection was lost");
        yield frame;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      connection.close();
    }
  }

  #connect(address: string): MemoryConnection {
    try {
      parseAddress(address);
    } catch (error) {
      throw new RequestError("invalid", `"${address}" is no address: give host:port, IPv6 in brackets`, {
        cause: error,
      });
    }
    const connection = this.network.connect(this.name, address);
    connection.keepAlive(this.#settings.keepAlive);
    this.#open.add(connection);
    connection.onClose(() => this.#open.delete(connection));
    return connection;
  }
}
