import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { ClientHandler } from "@paxos/core";
import type {
  BackupPiece,
  BackupRequest,
  ChangeMembershipRequest,
  ChangeMembershipResponse,
  ClientService,
  ClientUpdate,
  GloballyOrderedUpdate,
  LogRequest,
  LogResponse,
  MembersResponse,
  QueryRequest,
  QueryResponse,
  StatusResponse,
  TakeSnapshotRequest,
  TakeSnapshotResponse,
  TransferLeadershipRequest,
  TransferLeadershipResponse,
  UpdateAnswers,
  UpdateBatch,
} from "@paxos/proto";
import {
  internalErrorDetail,
  reasonForClient,
  requireChange,
  requireFits,
  requireQueryFits,
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

  query(request: QueryRequest, { signal, values }: HandlerContext): Promise<QueryResponse> {
    return this.#answer(() => {
      requireQueryFits(request, this.maxRequestBytes);
      return SessionUpdates.of(values.get(sessionKey)).ask(this.handler, request, signal);
    });
  }

  status(): Promise<StatusResponse> {
    return this.#answer(() => this.handler.status());
  }

  takeSnapshot(_: TakeSnapshotRequest, { signal }: HandlerContext): Promise<TakeSnapshotResponse> {
    return this.#answer(() => this.handler.takeSnapshot(signal));
  }

  members(): Promise<MembersResponse> {
    return this.#answer(() => this.handler.members());
  }

  changeMembership(
    { change }: ChangeMembershipRequest,
    { signal }: HandlerContext,
  ): Promise<ChangeMembershipResponse> {
    return this.#answer(() => this.handler.changeMembership(requireChange(change), signal));
  }

  transferLeadership(
    { nodeId }: TransferLeadershipRequest,
    { signal }: HandlerContext,
  ): Promise<TransferLeadershipResponse> {
    return this.#answer(() => this.handler.transferLeadership(nodeId, signal));
  }

  log(request: LogRequest, { signal }: HandlerContext): AsyncGenerator<LogResponse> {
    return this.#stream(() => this.handler.log(request, signal), signal);
  }

  backup(_: BackupRequest, { signal }: HandlerContext): AsyncGenerator<BackupPiece> {
    return this.#stream(() => this.handler.backup(signal), signal);
  }

  async #answer<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async *#stream<T>(open: () => AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    let pieces: AsyncIterator<T> | undefined;
    // A client that goes while its stream is stalled is noticed by the signal alone: the handler must be told.
    const stop = (): void => {
      pieces?.return?.()?.catch(() => undefined);
    };
    try {
      pieces = open()[Symbol.asyncIterator]();
      signal.addEventListener("abort", stop);
      for (;;) {
        const next = await pieces.next();
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
