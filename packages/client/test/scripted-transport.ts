// A transport whose answers are written down by the test.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport, type RequestErrorCode } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  UpdateKind,
  type BackupPiece,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type StatusResponse,
  type TakeSnapshotResponse,
} from "@paxos/proto";

/** A request that waits for the test to answer it. */
export class Call {
  constructor(
    readonly address: string,
    readonly update: ClientUpdate,
    readonly signal: AbortSignal,
    private readonly resolve: (answer: GloballyOrderedUpdate) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  /** What the update says, as text. */
  get text(): string {
    return new TextDecoder().decode(this.update.update);
  }

  get isRegistration(): boolean {
    return this.update.kind === UpdateKind.REGISTER;
  }

  answer(seq: number, more: { leaderId?: bigint; result?: Uint8Array; duplicate?: boolean } = {}): void {
    this.resolve(create(GloballyOrderedUpdateSchema, { seq: BigInt(seq), ...more }));
  }

  fail(code: RequestErrorCode, message: string = code): void {
    this.failWith(new RequestError(code, message));
  }

  failWith(error: Error): void {
    this.reject(error);
  }
}

export type Status = MessageInitShape<typeof StatusResponseSchema>;

export class ScriptedTransport implements ClientTransport {
  /** Requests in the order in which they were made. */
  readonly calls: Call[] = [];
  /** What status requests are answered with, by address; others stay without an answer until they are aborted. */
  readonly statuses = new Map<string, Status | Error>();
  readonly statusCalls: string[] = [];
  /** The pieces of the log, by address; an error ends them. */
  readonly logs = new Map<string, (LogResponse | Error | "wait")[]>();
  readonly logCalls: { readonly address: string; readonly request: LogRequest }[] = [];
  /** What requests for snapshots are answered with, by address; others stay without an answer until they are aborted. */
  readonly snapshots = new Map<string, MessageInitShape<typeof TakeSnapshotResponseSchema> | Error>();
  readonly snapshotCalls: string[] = [];
  /** The pieces of the backup, by address, as with logs. */
  readonly backups = new Map<string, (BackupPiece | Error | "wait")[]>();
  readonly backupCalls: string[] = [];
  closed = 0;
  /** Called with each request; undefined leaves it in `calls` for the test to answer. */
  onCall: (call: Call) => void = () => undefined;

  clientUpdate(address: string, update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return new Promise((resolve, reject) => {
      const call = new Call(address, update, signal, resolve, reject);
      this.calls.push(call);
      this.onCall(call);
    });
  }

  async status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    this.statusCalls.push(address);
    const status = this.statuses.get(address) ?? (await rejectedWhenAborted(signal));
    if (status instanceof Error) throw status;
    return create(StatusResponseSchema, status);
  }

  log(address: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    this.logCalls.push({ address, request });
    return scripted(this.logs.get(address), signal);
  }

  async takeSnapshot(address: string, signal: AbortSignal): Promise<TakeSnapshotResponse> {
    this.snapshotCalls.push(address);
    const taken = this.snapshots.get(address) ?? (await rejectedWhenAborted(signal));
    if (taken instanceof Error) throw taken;
    return create(TakeSnapshotResponseSchema, taken);
  }

  backup(address: string, signal: AbortSignal): AsyncGenerator<BackupPiece> {
    this.backupCalls.push(address);
    return scripted(this.backups.get(address), signal);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

async function* scripted<T>(pieces: readonly (T | Error | "wait")[] = [], signal: AbortSignal) {
  for (const piece of pieces) {
    if (piece === "wait") await rejectedWhenAborted(signal);
    else if (piece instanceof Error) throw piece;
    else yield piece;
  }
}

export function piece(...seqs: number[]): LogResponse {
  return create(LogResponseSchema, { entries: seqs.map((seq) => ({ seq: BigInt(seq) })) });
}

function rejectedWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new RequestError("cancelled", "the request was cancelled"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  });
}
