import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  BackupPieceSchema,
  ChangeMembershipResponseSchema,
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  Role,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type MembershipChange,
  type QueryRequest,
  type QueryResponse,
} from "@paxos/proto";

/** Answers every update with its timestamp as the seq; what is called can be replaced. */
export class Handler implements ClientHandler {
  /** Streams of the log that are open. */
  open = 0;
  cancelled = 0;

  clientUpdate(update: ClientUpdate, _signal: AbortSignal): ReturnType<ClientHandler["clientUpdate"]> {
    return Promise.resolve(
      create(GloballyOrderedUpdateSchema, {
        nodeId: 0n,
        seq: update.timestamp,
        update,
        result: update.update,
      }),
    );
  }

  async *log(
    request: Parameters<ClientHandler["log"]>[0],
    signal: AbortSignal,
  ): ReturnType<ClientHandler["log"]> {
    this.open++;
    try {
      for (let seq = request.fromSeq; seq <= 3n || request.follow; seq++) {
        if (signal.aborted) return;
        yield create(LogResponseSchema, { firstSeq: seq });
        if (request.follow) await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      this.open--;
    }
  }

  status(): ReturnType<ClientHandler["status"]> {
    return Promise.resolve(create(StatusResponseSchema, { nodeId: 3n, role: Role.LEADER }));
  }

  takeSnapshot(_signal: AbortSignal): ReturnType<ClientHandler["takeSnapshot"]> {
    return Promise.resolve(create(TakeSnapshotResponseSchema, { seq: 9n, bytes: 300n, firstSeq: 5n }));
  }

  query({ query }: QueryRequest, _signal?: AbortSignal): ReturnType<ClientHandler["query"]> {
    return Promise.resolve(create(QueryResponseSchema, { nodeId: 3n, seq: 7n, result: query }));
  }
  members(): ReturnType<ClientHandler["members"]> {
    const epochRecord = { epoch: 4n, voters: [{ nodeId: 3n, address: "three:3" }] };
    return Promise.resolve(
      create(MembersResponseSchema, { epochRecord, leaderId: 0n, nodeId: 3n, heard: [3n] }),
    );
  }

  changeMembership(
    { changeId }: MembershipChange,
    _signal: AbortSignal,
  ): ReturnType<ClientHandler["changeMembership"]> {
    return Promise.resolve(create(ChangeMembershipResponseSchema, { epochRecord: { epoch: 5n, changeId } }));
  }

  transferLeadership(
    to: bigint | undefined,
    _signal: AbortSignal,
  ): ReturnType<ClientHandler["transferLeadership"]> {
    return Promise.resolve(create(TransferLeadershipResponseSchema, { leaderId: to ?? 9n }));
  }

  async *backup(_signal: AbortSignal): ReturnType<ClientHandler["backup"]> {
    const snapshot = { seq: 9n, chunks: 2 };
    for (const index of [0, 1]) yield create(BackupPieceSchema, { snapshot, index, data: backupData });
  }
}

/** What each piece of a backup holds. */
export const backupData = Buffer.from("hello");

/** Never answers an update, or what else takes its time, but counts those whose signal was aborted. */
export class Stuck extends Handler {
  started = 0;
  override clientUpdate(_: ClientUpdate, signal: AbortSignal): ReturnType<ClientHandler["clientUpdate"]> {
    return this.#stuck(signal);
  }

  override takeSnapshot(signal: AbortSignal): ReturnType<ClientHandler["takeSnapshot"]> {
    return this.#stuck(signal);
  }

  override changeMembership(
    _: MembershipChange,
    signal: AbortSignal,
  ): ReturnType<ClientHandler["changeMembership"]> {
    return this.#stuck(signal);
  }

  override transferLeadership(
    _: bigint | undefined,
    signal: AbortSignal,
  ): ReturnType<ClientHandler["transferLeadership"]> {
    return this.#stuck(signal);
  }

  override async *backup(signal: AbortSignal): ReturnType<ClientHandler["backup"]> {
    yield await this.#stuck(signal);
  }

  #stuck(signal: AbortSignal): Promise<never> {
    this.started++;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }
}

/** Answers each update when told so. */
export class Held extends Handler {
  readonly held = new Map<number, () => void>();
  override clientUpdate(sent: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return new Promise((resolve, reject) => {
      const answer = create(GloballyOrderedUpdateSchema, { seq: sent.timestamp, leaderId: 2n });
      this.held.set(Number(sent.timestamp), () => resolve(answer));
      signal.addEventListener("abort", () => {
        this.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }
}

/** Answers each query when told so, with its first byte as the seq. */
export class HeldQueries extends Handler {
  readonly held: (() => void)[] = [];
  override query({ query: [first = 0] }: QueryRequest, signal?: AbortSignal): Promise<QueryResponse> {
    return new Promise((resolve, reject) => {
      this.held.push(() => resolve(create(QueryResponseSchema, { seq: BigInt(first) })));
      signal?.addEventListener("abort", () => {
        this.cancelled++;
        reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }
}

export class Failing extends Handler {
  constructor(private readonly error: unknown) {
    super();
  }
  override async clientUpdate(): ReturnType<ClientHandler["clientUpdate"]> {
    throw this.error;
  }
  override async *log(): ReturnType<ClientHandler["log"]> {
    yield create(LogResponseSchema, { firstSeq: 1n });
    throw this.error;
  }
  override async status(): ReturnType<ClientHandler["status"]> {
    throw this.error;
  }
  override async takeSnapshot(): ReturnType<ClientHandler["takeSnapshot"]> {
    throw this.error;
  }
  override async query(): ReturnType<ClientHandler["query"]> {
    throw this.error;
  }
  override async members(): ReturnType<ClientHandler["members"]> {
    throw this.error;
  }
  override async changeMembership(): ReturnType<ClientHandler["changeMembership"]> {
    throw this.error;
  }
  override async transferLeadership(): ReturnType<ClientHandler["transferLeadership"]> {
    throw this.error;
  }
  override async *backup(): ReturnType<ClientHandler["backup"]> {
    yield create(BackupPieceSchema);
    throw this.error;
  }
}

export function update(timestamp: number, bytes = 100): ClientUpdate {
  return create(ClientUpdateSchema, {
    clientId: 0xffffffffffffffffn,
    timestamp: BigInt(timestamp),
    update: new Uint8Array(bytes).fill(timestamp),
  });
}

export const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no error",
    (error: unknown) => error,
  );
