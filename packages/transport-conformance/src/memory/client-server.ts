import { RequestError, type ClientHandler } from "@paxos/core";
import type { Call, ClientUpdate, Frame, Reply } from "@paxos/proto";
import type { Counters } from "./counters.js";
import { fieldBytes, sendFrame } from "./frames.js";
import type { MemoryConnection } from "./memory-connection.js";
import { requireChange } from "./membership-change.js";
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
    for (const { type } of calls) await this.#call(connection, type, gone.signal);
  }

  async #call(connection: MemoryConnection, type: Call["type"], signal: AbortSignal): Promise<void> {
    try {
      for await (const reply of this.#replies(type, signal)) {
        // A piece is asked for once the client has taken the one before.
        await sendFrame(connection, { replies: [{ type: reply }] });
        if (connection.closedBecause !== undefined) return;
      }
    } catch (error) {
      const value = makeFailure(error, this.counters);
      await sendFrame(connection, { replies: [{ type: { case: "failure", value } }] });
    }
  }

  async *#replies(type: Call["type"], signal: AbortSignal): AsyncGenerator<Reply["type"]> {
    const handler = this.#handler();
    switch (type.case) {
      case "status":
        yield { case: "status", value: await handler.status() };
        return;
      case "takeSnapshot":
        yield { case: "takeSnapshot", value: await handler.takeSnapshot(signal) };
        return;
      case "members":
        yield { case: "members", value: await handler.members() };
        return;
      case "changeMembership": {
        const change = requireChange(type.value.change);
        yield { case: "changeMembership", value: await handler.changeMembership(change, signal) };
        return;
      }
      case "transferLeadership": {
        const { nodeId } = type.value;
        yield { case: "transferLeadership", value: await handler.transferLeadership(nodeId, signal) };
        return;
      }
      case "query": {
        const { length } = type.value.query;
        if (length + fieldBytes > this.maxRequestBytes)
          throw new RequestError("too_large", `the limit is ${this.maxRequestBytes} bytes; ask for less`);
        yield { case: "query", value: await handler.query(type.value, signal) };
        return;
      }
      case "log":
        for await (const value of handler.log(type.value, signal)) yield { case: "log", value };
        yield { case: "end", value: true };
        return;
      case "backup":
        for await (const value of handler.backup(signal)) yield { case: "backup", value };
        yield { case: "end", value: true };
        return;
      case "cancel":
      case "taken":
      case undefined:
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

  #handler(): ClientHandler {
    if (this.handler === undefined) throw new RequestError("unavailable", notServing);
    return this.handler;
  }
}
