import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { RequestError } from "@paxos/core";
import {
  UpdateBatchSchema,
  type ClientService,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type NumberedQuery,
  type QueryRequest,
  type QueryResponse,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";
import {
  frameTargetBytes,
  noAnswerError,
  oncePerTurn,
  PendingUpdates,
  updateKey,
} from "@paxos/transport-kit";
import { fromConnectError, isOversize } from "./error-codes.js";

/** Opens a stream of updates and queries. */
export type OpenUpdates = (batches: AsyncIterable<UpdateBatch>) => AsyncIterable<UpdateAnswers>;

/** The updates and queries for one server, on one stream for all. The stream is opened when first needed, and again after a loss. */
export class UpdateCalls {
  #stream: OpenStream | undefined;

  constructor(
    private readonly address: string,
    private readonly client: Client<typeof ClientService>,
    private readonly openUpdates: OpenUpdates,
    private readonly maxRequestBytes: number,
  ) {}

  /** What is pending on the stream. */
  get current(): PendingUpdates {
    this.#stream ??= this.#open();
    return this.#stream.pending;
  }

  /** What is asked later goes on another stream: the connection of this one is about to end. */
  renew(): void {
    this.#stream?.finish();
    this.#stream = undefined;
  }

  #open(): OpenStream {
    const { address, client, openUpdates, maxRequestBytes } = this;
    const stream = new OpenStream(address, client, openUpdates, maxRequestBytes, () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    return stream;
  }
}

const never = new AbortController().signal;

/** Has one update ordered by a call of its own. Whatever its size, it ends nothing but itself. */
export async function orderAlone(
  client: Client<typeof ClientService>,
  update: ClientUpdate,
  signal: AbortSignal,
): Promise<GloballyOrderedUpdate> {
  try {
    return await client.clientUpdate(update, { signal });
  } catch (error) {
    if (!isOversize(error)) throw error;
    const why = `the update has ${update.update.length} bytes; the server reads none so large; split it`;
    throw new RequestError("too_large", why, { cause: error });
  }
}

/** The same for a query. */
export async function askAlone(
  client: Client<typeof ClientService>,
  request: QueryRequest,
  signal: AbortSignal,
): Promise<QueryResponse> {
  try {
    return await client.query(request, { signal });
  } catch (error) {
    if (!isOversize(error)) throw error;
    const why = `the query has ${request.query.length} bytes; the server reads none so large; ask for less at once`;
    throw new RequestError("too_large", why, { cause: error });
  }
}

class OpenStream {
  readonly pending: PendingUpdates;
  /** Too large for a batch: on their way by calls of their own. By the keys of updates and the ids of queries. */
  readonly #alone = new Map<string | bigint, AbortController>();
  #finished = false;
  #goOn: () => void = () => undefined;

  constructor(
    private readonly address: string,
    private readonly client: Client<typeof ClientService>,
    private readonly openUpdates: OpenUpdates,
    maxRequestBytes: number,
    /** Told before those who wait for answers are: they may call again at once. */
    onEnded: () => void,
  ) {
    this.pending = new PendingUpdates(
      address,
      oncePerTurn(() => this.#goOn()),
      { maxRequestBytes },
    );
    void this.#run().then((error) => {
      onEnded();
      for (const abort of this.#alone.values()) abort.abort();
      this.pending.lost(error);
      this.finish();
    });
  }

  /** Ends the stream once everything pending is answered. */
  finish(): void {
    this.#finished = true;
    this.#goOn();
  }

  /** Resolves with why it ended. */
  async #run(): Promise<RequestError> {
    try {
      for await (const answers of this.openUpdates(this.#batches())) {
        this.pending.answered(answers);
      }
      return noAnswerError(this.address, "the server ended the stream");
    } catch (error) {
      return fromConnectError(error, this.address, never);
    }
  }

  /** Pulled by the connection as it takes them. */
  async *#batches(): AsyncGenerator<UpdateBatch> {
    for (;;) {
      const batch = this.pending.takeBatch();
      if (batch !== undefined) {
        const rest = this.#withoutLarge(batch);
        if (rest !== undefined) yield rest;
      }
      // The server answers what it was sent before it ends its side.
      else if (this.#finished && this.#alone.size === 0) return;
      else await new Promise<void>((resolve) => (this.#goOn = resolve));
    }
  }

  /** Sends what is larger than a batch should be by calls of their own; undefined when nothing is left to send. */
  #withoutLarge({ updates, queries, abandoned, abandonedQueries }: UpdateBatch): UpdateBatch | undefined {
    const rest = create(UpdateBatchSchema, {
      abandoned: abandoned.filter((id) => !this.#giveUp(updateKey(id))),
      abandonedQueries: abandonedQueries.filter(({ id }) => !this.#giveUp(id)),
    });
    for (const update of updates) {
      if (update.update.length <= frameTargetBytes) rest.updates.push(update);
      else void this.#order(update);
    }
    for (const query of queries) {
      if ((query.request?.query.length ?? 0) <= frameTargetBytes) rest.queries.push(query);
      else void this.#ask(query);
    }
    const lists = [rest.updates, rest.queries, rest.abandoned, rest.abandonedQueries];
    return lists.some(({ length }) => length > 0) ? rest : undefined;
  }

  #order(update: ClientUpdate): Promise<void> {
    return this.#callAlone(
      updateKey(update),
      (signal) => orderAlone(this.client, update, signal),
      (outcome) => this.pending.settle(update, outcome),
    );
  }

  #ask({ id, request }: NumberedQuery): Promise<void> {
    return this.#callAlone(
      id,
      (signal) => askAlone(this.client, request as QueryRequest, signal),
      (outcome) => this.pending.settleQuery(id, outcome),
    );
  }

  // Never rejects.
  async #callAlone<T>(
    key: string | bigint,
    call: (signal: AbortSignal) => Promise<T>,
    settle: (outcome: T | RequestError) => void,
  ): Promise<void> {
    const abort = new AbortController();
    this.#alone.set(key, abort);
    // What was given up may have been sent again since.
    const isCurrent = (): boolean => this.#alone.get(key) === abort;
    try {
      const answer = await call(abort.signal);
      if (isCurrent()) settle(answer);
    } catch (error) {
      if (isCurrent()) settle(fromConnectError(error, this.address, never));
    } finally {
      if (isCurrent()) this.#alone.delete(key);
      this.#goOn();
    }
  }

  #giveUp(key: string | bigint): boolean {
    this.#alone.get(key)?.abort();
    return this.#alone.delete(key);
  }
}
