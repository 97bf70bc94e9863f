import type { Client } from "@connectrpc/connect";
import type { RequestError } from "@paxos/core";
import type { ClientService, ClientUpdate, GloballyOrderedUpdate, UpdateBatch } from "@paxos/proto";
import { noAnswerError, oncePerTurn, PendingUpdates } from "@paxos/transport-kit";
import { fromConnectError } from "./error-codes.js";

/** The updates for one server, on one stream for all. The stream is opened when first needed, and again after a loss. */
export class UpdateCalls {
  #stream: OpenStream | undefined;

  constructor(
    private readonly address: string,
    private readonly client: Client<typeof ClientService>,
    private readonly batchBytes: number,
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
    const stream = new OpenStream(this.address, this.client, this.batchBytes, () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    return stream;
  }
}

const never = new AbortController().signal;

class OpenStream {
  readonly pending: PendingUpdates;
  #finished = false;
  #goOn: () => void = () => undefined;

  constructor(
    private readonly address: string,
    private readonly client: Client<typeof ClientService>,
    private readonly batchBytes: number,
    /** Told before those who wait for answers are: they may call again at once. */
    onEnded: () => void,
  ) {
    this.pending = new PendingUpdates(
      address,
      oncePerTurn(() => this.#goOn()),
    );
    void this.#run().then((error) => {
      onEnded();
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
      const batch = this.pending.takeBatch(this.batchBytes);
      if (batch !== undefined) yield batch;
      // The server answers what it was sent before it ends its side.
      else if (this.#finished) return;
      else await new Promise<void>((resolve) => (this.#goOn = resolve));
    }
  }
}
