import { RequestError, type ClientHandler } from "@paxos/core";
import type { ClientUpdate, Frame, LogRequest } from "@paxos/proto";
import type { Counters } from "./counters.js";
import { sendFrame } from "./frames.js";
import type { MemoryConnection } from "./memory-connection.js";
import { makeFailure } from "./request-failure.js";

const notServing = "this node serves no clients; ask another one";

/** Moves the requests of clients to the node's handler, and its answers back. A connection carries one request. */
export class ClientServer {
  /** Undefined on a node that serves no clients. */
  handler: ClientHandler | undefined;

  constructor(
    private readonly counters: Counters,
    private readonly maxRequestBytes: number,
  ) {}

  /** Answers the request with which a connection began. */
  async serve(connection: MemoryConnection, { updates, calls }: Frame): Promise<void> {
    const gone = new AbortController();
    connection.onClose(() => gone.abort());
    const update = updates?.updates[0];
    if (update !== undefined) await this.#update(connection, update, gone.signal);
    for (const { type } of calls) {
      if (type.case === "log") await this.#log(connection, type.value, gone.signal);
      else if (type.case === "status") await this.#status(connection);
    }
  }

  async #update(connection: MemoryConnection, update: ClientUpdate, signal: AbortSignal): Promise<void> {
    const { clientId, timestamp } = update;
    try {
      if (update.update.length > this.maxRequestBytes) {
        throw new RequestError("too_large", `the limit is ${this.maxRequestBytes} bytes; split the update`);
      }
      const { seq, result, duplicate, leaderId } = await this.#handler().clientUpdate(update, signal);
      const answers = [{ clientId, timestamp, seq, result, duplicate }];
      await sendFrame(connection, { answers: leaderId === undefined ? { answers } : { answers, leaderId } });
    } catch (error) {
      const failure = makeFailure(error, this.counters);
      await sendFrame(connection, { answers: { answers: [{ clientId, timestamp, failure }] } });
    }
  }

  async #status(connection: MemoryConnection): Promise<void> {
    try {
      const value = await this.#handler().status();
      await sendFrame(connection, { replies: [{ type: { case: "status", value } }] });
    } catch (error) {
      await this.#fail(connection, error);
    }
  }

  /** A piece is asked for once the client has taken the one before. */
  async #log(connection: MemoryConnection, request: LogRequest, signal: AbortSignal): Promise<void> {
    try {
      for await (const value of this.#handler().log(request, signal)) {
        await sendFrame(connection, { replies: [{ type: { case: "log", value } }] });
        if (connection.closedBecause !== undefined) return;
      }
      await sendFrame(connection, { replies: [{ type: { case: "end", value: true } }] });
    } catch (error) {
      await this.#fail(connection, error);
    }
  }

  async #fail(connection: MemoryConnection, error: unknown): Promise<void> {
    const value = makeFailure(error, this.counters);
    await sendFrame(connection, { replies: [{ type: { case: "failure", value } }] });
  }

  #handler(): ClientHandler {
    if (this.handler === undefined) throw new RequestError("unavailable", notServing);
    return this.handler;
  }
}
