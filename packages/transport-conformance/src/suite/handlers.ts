import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  ChangeMembershipResponseSchema,
  EpochRecordSchema,
  GloballyOrderedUpdateSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  Role,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
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
import { slowKinds, type SlowKind } from "./slow-calls.js";
import { backupPiece, logPiece } from "./streams.js";

/** The answer to an update: its timestamp as the seq, its own bytes as the result. */
const answerTo = (update: ClientUpdate): GloballyOrderedUpdate =>
  create(GloballyOrderedUpdateSchema, {
    nodeId: 0n,
    seq: update.timestamp,
    update,
    result: update.update,
  });

/** The membership that a handler tells of. */
export const epochRecord = create(EpochRecordSchema, {
  formatVersion: 1,
  epoch: 2n ** 40n,
  voters: [{ nodeId: 3n, address: "three:3", storeId: 2n ** 64n - 1n, priority: 7 }],
  learners: [{ nodeId: 5n, address: "[::1]:5" }],
  prepareQuorum: 1,
  acceptQuorum: 1,
  nextNodeId: 6n,
  base: Uint8Array.of(0, 255),
  firstView: 2n ** 41n,
  beginsAfter: 2n ** 42n,
  changeId: 2n ** 63n,
});

/** Answers at once whatever is asked; its streams have three pieces. */
export class Handler implements ClientHandler {
  /** Streams that are open. */
  open = 0;
  /** How many pieces a stream has, and how many bytes each of them. */
  length = 3;
  pieceBytes = 0;

  clientUpdate(update: ClientUpdate, _signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return Promise.resolve(answerTo(update));
  }

  query({ query, consistency }: QueryRequest, _signal: AbortSignal): Promise<QueryResponse> {
    const result = new Uint8Array(query.length + 1);
    result[0] = consistency;
    result.set(query, 1);
    return Promise.resolve(create(QueryResponseSchema, { nodeId: 3n, seq: 2n ** 61n, result }));
  }

  async *log({ fromSeq, follow }: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    const length = follow ? Infinity : this.length;
    for await (const number of this.#opened(this.pieces(signal, Number(fromSeq), length)))
      yield logPiece(number, this.pieceBytes);
  }

  status(): Promise<StatusResponse> {
    return Promise.resolve(create(StatusResponseSchema, { nodeId: 3n, role: Role.LEADER }));
  }

  takeSnapshot(_signal: AbortSignal): Promise<TakeSnapshotResponse> {
    const taken = { seq: 2n ** 60n, bytes: 2n ** 50n, firstSeq: 7n };
    return Promise.resolve(create(TakeSnapshotResponseSchema, taken));
  }

  members(): Promise<MembersResponse> {
    const clusterId = new Uint8Array(32).fill(7);
    const members = { epochRecord, clusterId, leaderId: 0n, nodeId: 3n, heard: [0n, 3n, 2n ** 53n - 1n] };
    return Promise.resolve(create(MembersResponseSchema, members));
  }

  changeMembership(_change: MembershipChange, _signal: AbortSignal): Promise<ChangeMembershipResponse> {
    return Promise.resolve(create(ChangeMembershipResponseSchema, { epochRecord }));
  }

  transferLeadership(to: bigint | undefined, _signal: AbortSignal): Promise<TransferLeadershipResponse> {
    return Promise.resolve(create(TransferLeadershipResponseSchema, { leaderId: to ?? 9n }));
  }

  async *backup(signal: AbortSignal): AsyncGenerator<BackupPiece> {
    for await (const number of this.#opened(this.pieces(signal, 1, this.length)))
      yield backupPiece(number, this.pieceBytes);
  }

  /** The numbers of the pieces of a stream. */
  protected async *pieces(signal: AbortSignal, from: number, length: number): AsyncGenerator<number> {
    for (let number = from; number <= length; number++) {
      if (signal.aborted) return;
      yield number;
      if (length === Infinity) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async *#opened(pieces: AsyncIterable<number>): AsyncGenerator<number> {
    this.open++;
    try {
      yield* pieces;
    } finally {
      this.open--;
    }
  }
}

/** Answers updates when the test says so, unless they are aborted, and is busy with all slow calls until they are. */
export class Holding extends Handler {
  /** What was asked, whether answered or not. */
  readonly asked: ClientUpdate[] = [];
  /** How many updates have been aborted before they were answered. */
  cancelled = 0;
  /** Slow calls that were asked for, by their kinds, and how many of them have been aborted. */
  readonly slow = new Map(slowKinds.map((kind) => [kind, { asked: 0, cancelled: 0 }]));
  readonly #answers = new Map<bigint, () => void>();

  override clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    this.asked.push(update);
    return new Promise((resolve, reject) => {
      this.#answers.set(update.timestamp, () => resolve(answerTo(update)));
      signal.addEventListener("abort", () => {
        if (!this.#answers.delete(update.timestamp)) return;
        this.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }

  override query(_request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    return this.#hold("query", signal);
  }

  override takeSnapshot(signal: AbortSignal): Promise<TakeSnapshotResponse> {
    return this.#hold("takeSnapshot", signal);
  }

  override changeMembership(
    _change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse> {
    return this.#hold("changeMembership", signal);
  }

  override transferLeadership(
    _to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse> {
    return this.#hold("transferLeadership", signal);
  }

  /** Whether so many slow calls of each kind were asked for. */
  allAsked(count: number): boolean {
    return [...this.slow.values()].every(({ asked }) => asked === count);
  }

  /** Whether all slow calls have been aborted. */
  get allCancelled(): boolean {
    return [...this.slow.values()].every(({ asked, cancelled }) => asked === cancelled);
  }

  #hold(kind: SlowKind, signal: AbortSignal): Promise<never> {
    const counts = this.slow.get(kind) ?? { asked: 0, cancelled: 0 };
    counts.asked++;
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        counts.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }

  answer(timestamp: number): void {
    this.#answers.get(BigInt(timestamp))?.();
    this.#answers.delete(BigInt(timestamp));
  }
}

/** Gives pieces of a megabyte for as long as anybody takes them: more than a connection may hold, so that a test can tell. */
export class Endless extends Handler {
  override pieceBytes = 1_000_000;
  /** Pieces made. */
  made = 0;

  protected override async *pieces(): AsyncGenerator<number> {
    while (this.made < 300) {
      yield ++this.made;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Waits in the middle of its streams until they are aborted. */
export class Waiting extends Holding {
  protected override async *pieces(signal: AbortSignal): AsyncGenerator<number> {
    yield 1;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
}

/** Fails in all that it is asked; its streams after one piece. */
export class Failing extends Handler {
  constructor(private readonly error: unknown) {
    super();
  }
  override async clientUpdate(): Promise<GloballyOrderedUpdate> {
    throw this.error;
  }
  override async query(): Promise<QueryResponse> {
    throw this.error;
  }
  override async status(): Promise<StatusResponse> {
    throw this.error;
  }
  override async takeSnapshot(): Promise<TakeSnapshotResponse> {
    throw this.error;
  }
  override async members(): Promise<MembersResponse> {
    throw this.error;
  }
  override async changeMembership(): Promise<ChangeMembershipResponse> {
    throw this.error;
  }
  override async transferLeadership(): Promise<TransferLeadershipResponse> {
    throw this.error;
  }
  protected override async *pieces(): AsyncGenerator<number> {
    yield 1;
    throw this.error;
  }
}
