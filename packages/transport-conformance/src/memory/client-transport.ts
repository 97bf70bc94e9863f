import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  type ClientUpdate,
  type Frame,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type StatusResponse,
} from "@paxos/proto";
import { clientSettings, type ClientTransportOptions } from "../options.js";
import { receiveFrame, sendFrame } from "./frames.js";
import type { MemoryConnection } from "./memory-connection.js";
import { parseAddress, type MemoryNetwork } from "./memory-network.js";
import { aborted, noAnswer, readFailure } from "./request-failure.js";

/** Bytes of an update's other fields, at most. */
const fieldBytes = 64;

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
    const type = { case: "status" as const, value: {} };
    for await (const { replies } of this.#request(address, { calls: [{ type }] }, signal)) {
      const reply = replies[0]?.type;
      if (reply?.case === "failure") throw readFailure(reply.value, address);
      if (reply?.case === "status") return reply.value;
    }
    throw noAnswer(address, "what came was no answer");
  }

  async *log(address: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    const type = { case: "log" as const, value: request };
    for await (const { replies } of this.#request(address, { calls: [{ type }] }, signal)) {
      const reply = replies[0]?.type;
      if (reply?.case === "failure") throw readFailure(reply.value, address);
      if (reply?.case === "end") return;
      if (reply?.case === "log") yield reply.value;
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#open) connection.close("the client transport is closed");
    return Promise.resolve();
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
