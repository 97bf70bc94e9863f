// A transport whose answers are written down by the test.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport, type RequestErrorCode } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  StatusResponseSchema,
  UpdateKind,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type StatusResponse,
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

  status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    this.statusCalls.push(address);
    const status = this.statuses.get(address);
    if (status instanceof Error) return Promise.reject(status);
    if (status !== undefined) return Promise.resolve(create(StatusResponseSchema, status));
    return rejectedWhenAborted(signal);
  }

  async *log(address: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    this.logCalls.push({ address, request });
    for (const piece of this.logs.get(address) ?? []) {
      if (piece === "wait") await rejectedWhenAborted(signal);
      else if (piece instanceof Error) throw piece;
      else yield piece;
    }
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
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
