import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { RequestError, type ClientHandler } from "@paxos/core";
import type {
  ClientService,
  ClientUpdate,
  GloballyOrderedUpdate,
  LogRequest,
  LogResponse,
  StatusResponse,
} from "@paxos/proto";
import { noHandlerError, type Counters, type LimitedLog } from "@paxos/transport-kit";
import { toConnectError } from "./error-codes.js";

/** Moves the requests of clients to the node's handler, and its answers back. */
export class ClientServiceAdapter implements Omit<ServiceImpl<typeof ClientService>, "clientUpdates"> {
  constructor(
    /** Undefined on a node that serves no clients. */
    private readonly handler: ClientHandler | undefined,
    private readonly counters: Counters,
    private readonly limitedLog: LimitedLog,
  ) {}

  async clientUpdate(update: ClientUpdate, { signal }: HandlerContext): Promise<GloballyOrderedUpdate> {
    try {
      return await this.#handler().clientUpdate(update, signal);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async status(): Promise<StatusResponse> {
    try {
      return await this.#handler().status();
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
      entries = this.#handler().log(request, signal)[Symbol.asyncIterator]();
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

  #handler(): ClientHandler {
    if (this.handler === undefined) throw noHandlerError();
    return this.handler;
  }

  /** Clients learn the reasons that are meant for them, and nothing of the inside of the node. */
  #failure(error: unknown): ConnectError {
    if (error instanceof RequestError) return toConnectError(error);
    this.counters.add("failed_client_requests");
    this.limitedLog.warn(
      "failed_client_requests",
      `a client's request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return new ConnectError("internal error; the log of the node says more", Code.Internal);
  }
}
