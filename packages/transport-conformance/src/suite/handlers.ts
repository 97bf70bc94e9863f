import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  Role,
  StatusResponseSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type StatusResponse,
} from "@paxos/proto";

/** The answer to an update: its timestamp as the seq, its own bytes as the result. */
const answerTo = (update: ClientUpdate): GloballyOrderedUpdate =>
  create(GloballyOrderedUpdateSchema, {
    nodeId: 0n,
    seq: update.timestamp,
    update,
    result: update.update,
  });

/** Answers every update at once, and has a log of three pieces. */
export class Handler implements ClientHandler {
  /** Streams of the log that are open. */
  open = 0;

  clientUpdate(update: ClientUpdate, _signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return Promise.resolve(answerTo(update));
  }

  async *log(request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
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

  status(): Promise<StatusResponse> {
    return Promise.resolve(create(StatusResponseSchema, { nodeId: 3n, role: Role.LEADER }));
  }
}

/** Answers updates when the test says so, unless they are aborted. */
export class Holding extends Handler {
  /** What was asked, whether answered or not. */
  readonly asked: ClientUpdate[] = [];
  /** How many updates have been aborted before they were answered. */
  cancelled = 0;
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

  answer(timestamp: number): void {
    this.#answers.get(BigInt(timestamp))?.();
    this.#answers.delete(BigInt(timestamp));
  }
}

/** Gives pieces of a megabyte for as long as anybody takes them: more than a connection may hold, so that a test can tell. */
export class Endless extends Handler {
  /** Pieces made. */
  made = 0;

  override async *log(): AsyncGenerator<LogResponse> {
    this.open++;
    try {
      while (this.made < 300) {
        const update = new Uint8Array(1_000_000);
        this.made++;
        yield create(LogResponseSchema, { entries: [{ update: { update } }] });
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      this.open--;
    }
  }
}

/** Waits in the middle of its log until it is aborted. */
export class Waiting extends Holding {
  override async *log(_: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    this.open++;
    try {
      yield create(LogResponseSchema, { firstSeq: 1n });
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    } finally {
      this.open--;
    }
  }
}

/** Fails in all that it is asked; its log after one piece. */
export class Failing extends Handler {
  constructor(private readonly error: unknown) {
    super();
  }
  override async clientUpdate(): Promise<GloballyOrderedUpdate> {
    throw this.error;
  }
  override async *log(): AsyncGenerator<LogResponse> {
    yield create(LogResponseSchema, { firstSeq: 1n });
    throw this.error;
  }
  override async status(): Promise<StatusResponse> {
    throw this.error;
  }
}
