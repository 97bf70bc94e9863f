import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { ClientHandler } from "@paxos/core";
import type {
  ClientService,
  ClientUpdate,
  GloballyOrderedUpdate,
  LogRequest,
  LogResponse,
  StatusResponse,
  UpdateAnswers,
  UpdateBatch,
} from "@paxos/proto";
import {
  internalErrorDetail,
  reasonForClient,
  requireFits,
  UpdateStream,
  type FaultRecord,
} from "@paxos/transport-kit";
import { toConnectError } from "./error-codes.js";
import { sessionKey } from "./request-listener.js";
import { SessionUpdates } from "./session-updates.js";
import { answersTo } from "./update-stream-service.js";

/** Moves the requests of clients to the node's handler, and its answers back. */
export class ClientServiceAdapter implements ServiceImpl<typeof ClientService> {
  constructor(
    private readonly handler: ClientHandler,
    private readonly faults: FaultRecord<"failed_client_requests">,
    private readonly maxRequestBytes: number,
  ) {}

  async clientUpdate(
    update: ClientUpdate,
    { signal, values }: HandlerContext,
  ): Promise<GloballyOrderedUpdate> {
    try {
      requireFits(update, this.maxRequestBytes);
      return await SessionUpdates.of(values.get(sessionKey)).order(this.handler, update, signal);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async *clientUpdates(
    requests: AsyncIterable<UpdateBatch>,
    { signal, values }: HandlerContext,
  ): AsyncGenerator<UpdateAnswers> {
    const { handler, faults, maxRequestBytes } = this;
    const session = SessionUpdates.of(values.get(sessionKey));
    let close: () => void;
    try {
      close = session.openStream();
    } catch (error) {
      throw this.#failure(error);
    }
    try {
      const limits = { maxRequestBytes, allowance: session.allowance };
      yield* answersTo(requests, signal, (onAnswers) => new UpdateStream(handler, faults, limits, onAnswers));
    } finally {
      close();
    }
  }

  async status(): Promise<StatusResponse> {
    try {
      return await this.handler.status();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async *log(request: LogRequest, { signal }: HandlerContext): AsyncGenerator<LogResponse> {
    let entries: AsyncIterator<LogResponse> | undefined;
    // A client that goes while its stream is stalled is noticed by the signal alone: the handler must be told.
    const stop = (): void => {
      entries?.return?.()?.catch(() => undefined);
    };
    try {
      entries = this.handler.log(request, signal)[Symbol.asyncIterator]();
      signal.addEventListener("abort", stop);
      for (;;) {
        const next = await entries.next();
        if (next.done === true) return;
        yield next.value;
      }
    } catch (error) {
      throw this.#failure(error);
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  /** Clients learn the reasons that are meant for them, and nothing of the inside of the node. */
  #failure(error: unknown): ConnectError {
    const reason = reasonForClient(error, this.faults);
    return reason === undefined
      ? new ConnectError(internalErrorDetail, Code.Internal)
      : toConnectError(reason);
  }
}
