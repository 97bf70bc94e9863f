// A transport whose answers are written down by the test.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport, type RequestErrorCode } from "@paxos/core";
import {
  ChangeMembershipResponseSchema,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
  UpdateKind,
  type BackupPiece,
  type ChangeMembershipResponse,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type MembershipChange,
  type MembersResponse,
  type QueryRequest,
  type QueryResponse,
  type StatusResponse,
  type TakeSnapshotResponse,
  type TransferLeadershipResponse,
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

/** A request to a leader that waits for the test to answer it. */
export interface LeaderCall {
  readonly address: string;
  /** What is asked for: a change, or whom to hand over to. */
  readonly change?: MembershipChange;
  readonly to?: bigint | undefined;
  readonly signal: AbortSignal;
  readonly answer: (answer: MessageInitShape<typeof ChangeMembershipResponseSchema> | bigint) => void;
  readonly fail: (code: RequestErrorCode, message?: string) => void;
}

/** A query that was sent. */
export interface QueryCall {
  readonly address: string;
  readonly request: QueryRequest;
  readonly signal: AbortSignal;
  readonly answer: (seq: number, result: Uint8Array) => void;
  readonly fail: (code: RequestErrorCode, message?: string) => void;
}

export type Members = MessageInitShape<typeof MembersResponseSchema>;
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
  /** What servers say of the members, by address; others stay without an answer until they are aborted. */
  readonly memberships = new Map<string, Members | Error>();
  readonly membersCalls: string[] = [];
  readonly leaderCalls: LeaderCall[] = [];
  readonly queries: QueryCall[] = [];
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

  /** Left in `queries` for the test to answer, until it is aborted. */
  query(address: string, request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    return new Promise((resolve, reject) => {
      this.queries.push({
        address,
        request,
        signal,
        answer: (seq, result) => resolve(create(QueryResponseSchema, { seq: BigInt(seq), result })),
        fail: (code, message = code) => reject(new RequestError(code, message)),
      });
      signal.addEventListener("abort", () => reject(new RequestError("cancelled", "aborted")));
    });
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

  async members(address: string, signal: AbortSignal): Promise<MembersResponse> {
    this.membersCalls.push(address);
    const members = this.memberships.get(address) ?? (await rejectedWhenAborted(signal));
    if (members instanceof Error) throw members;
    return create(MembersResponseSchema, members);
  }

  changeMembership(
    address: string,
    change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse> {
    return this.#askLeader({ address, change, signal }, (answer) =>
      create(
        ChangeMembershipResponseSchema,
        answer as MessageInitShape<typeof ChangeMembershipResponseSchema>,
      ),
    );
  }

  transferLeadership(
    address: string,
    to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse> {
    return this.#askLeader({ address, to, signal }, (leaderId) =>
      create(TransferLeadershipResponseSchema, { leaderId: leaderId as bigint }),
    );
  }

  #askLeader<T>(
    asked: Omit<LeaderCall, "answer" | "fail">,
    answerOf: (answer: Parameters<LeaderCall["answer"]>[0]) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.leaderCalls.push({
        ...asked,
        answer: (answer) => resolve(answerOf(answer)),
        fail: (code, message = code) => reject(new RequestError(code, message)),
      });
      rejectedWhenAborted(asked.signal).catch(reject);
    });
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
