import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { RequestError } from "@paxos/core";
import {
  UpdateBatchSchema,
  type ClientService,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type UpdateBatch,
  type UpdateId,
} from "@paxos/proto";
import {
  frameTargetBytes,
  noAnswerError,
  oncePerTurn,
  PendingUpdates,
  updateKey,
} from "@paxos/transport-kit";
import { fromConnectError, isOversize } from "./error-codes.js";

/** The updates for one server, on one stream for all. The stream is opened when first needed, and again after a loss. */
export class UpdateCalls {
  #stream: OpenStream | undefined;

  constructor(
    private readonly address: string,
    private readonly client: Client<typeof ClientService>,
  ) {}

  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    this.#stream ??= this.#open();
    return this.#stream.pending.clientUpdate(update, signal);
  }

  /** Later updates go on another stream: the connection of this one is about to end. */
  renew(): void {
    this.#stream?.finish();
    this.#stream = undefined;
  }

  #open(): OpenStream {
    const stream = new OpenStream(this.address, this.client, () => {
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

class OpenStream {
  readonly pending: PendingUpdates;
  /** Too large for a batch: on their way by calls of their own. */
  readonly #alone = new Map<string, AbortController>();
  #finished = false;
  #goOn: () => void = () => undefined;

  constructor(
    private readonly address: string,
    private readonly client: Client<typeof ClientService>,
    /** Told before those who wait for answers are: they may call again at once. */
    onEnded: () => void,
  ) {
    this.pending = new PendingUpdates(
      address,
      oncePerTurn(() => this.#goOn()),
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
      for await (const answers of this.client.clientUpdates(this.#batches())) {
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

  /** Sends an update that is larger than a batch should be by a call of its own; undefined when nothing is left to send. */
  #withoutLarge({ updates, abandoned }: UpdateBatch): UpdateBatch | undefined {
    const kept = abandoned.filter((id) => !this.#giveUp(id));
    const small = updates.filter((update) => update.update.length <= frameTargetBytes);
    for (const update of updates) if (update.update.length > frameTargetBytes) void this.#order(update);
    if (kept.length === 0 && small.length === 0) return undefined;
    return create(UpdateBatchSchema, { updates: small, abandoned: kept });
  }

  async #order(update: ClientUpdate): Promise<void> {
    const abort = new AbortController();
    const key = updateKey(update);
    this.#alone.set(key, abort);
    try {
      const ordered = await orderAlone(this.client, update, abort.signal);
      if (this.#alone.get(key) === abort) this.pending.settle(update, ordered);
    } catch (error) {
      if (this.#alone.get(key) === abort)
        this.pending.settle(update, fromConnectError(error, this.address, never));
    } finally {
      if (this.#alone.get(key) === abort) this.#alone.delete(key);
      this.#goOn();
    }
  }

  #giveUp(id: UpdateId): boolean {
    const key = updateKey(id);
    this.#alone.get(key)?.abort();
    return this.#alone.delete(key);
  }
}
