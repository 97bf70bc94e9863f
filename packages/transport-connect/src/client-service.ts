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
import { internalErrorDetail, reasonForClient, type FaultRecord } from "@paxos/transport-kit";
import { toConnectError } from "./error-codes.js";
import { answersTo } from "./update-stream-service.js";

/** Moves the requests of clients to the node's handler, and its answers back. */
export class ClientServiceAdapter implements ServiceImpl<typeof ClientService> {
  constructor(
    private readonly handler: ClientHandler,
    private readonly faults: FaultRecord<"failed_client_requests">,
    private readonly maxRequestBytes: number,
  ) {}

  async clientUpdate(update: ClientUpdate, { signal }: HandlerContext): Promise<GloballyOrderedUpdate> {
    try {
      return await this.handler.clientUpdate(update, signal);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  clientUpdates(
    requests: AsyncIterable<UpdateBatch>,
    { signal }: HandlerContext,
  ): AsyncIterable<UpdateAnswers> {
    const { maxRequestBytes } = this;
    return answersTo(requests, signal, [this.handler, this.faults, { maxRequestBytes }]);
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
