import { create } from "@bufbuild/protobuf";
import { createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import {
  ClientService,
  FailureCode,
  UpdateBatchSchema,
  type ClientUpdate,
  type QueryAnswer,
  type UpdateAnswers,
  type UpdateBatch,
} from "@paxos/proto";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream of updates by hand: what is put in is sent, what comes back is kept. */
export class RawStream {
  readonly received: UpdateAnswers[] = [];
  /** Answers that say that there was no room. */
  busy = 0;
  error: unknown;
  ended = false;
  /** Batches that the connection has taken. */
  taken = 0;
  /** Reads no answers while set. */
  paused = false;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    client: Client<typeof ClientService>,
    batches: AsyncIterable<UpdateBatch> | Iterable<UpdateBatch>,
  ) {
    this.#done = this.#run(client, batches);
  }

  get timestamps(): number[] {
    return this.received.flatMap(({ answers }) => answers.map(({ timestamp }) => Number(timestamp)));
  }

  get queryAnswers(): QueryAnswer[] {
    return this.received.flatMap(({ queryAnswers }) => queryAnswers);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.paused = false;
    await this.#done;
  }

  async #run(
    client: Client<typeof ClientService>,
    batches: AsyncIterable<UpdateBatch> | Iterable<UpdateBatch>,
  ): Promise<void> {
    try {
      const sent = this.#counted(batches);
      for await (const answers of client.clientUpdates(sent, { signal: this.#abort.signal })) {
        this.received.push(answers);
        for (const { failure } of answers.answers) if (failure?.code === FailureCode.BUSY) this.busy++;
        while (this.paused) await turn();
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }

  async *#counted(batches: AsyncIterable<UpdateBatch> | Iterable<UpdateBatch>): AsyncGenerator<UpdateBatch> {
    for await (const batch of batches) {
      if (this.#abort.signal.aborted) return;
      yield batch;
      this.taken++;
    }
  }
}

export const batch = (...updates: ClientUpdate[]): UpdateBatch => create(UpdateBatchSchema, { updates });
/** Says one batch, and keeps the stream open. */
export async function* forEver(first: UpdateBatch): AsyncGenerator<UpdateBatch> {
  yield first;
  await new Promise(() => undefined);
}
export const connectClient = (address: string): Client<typeof ClientService> =>
  createClient(ClientService, createConnectTransport({ baseUrl: `http://${address}`, httpVersion: "2" }));
export const grpcClient = (address: string): Client<typeof ClientService> =>
  createClient(ClientService, createGrpcTransport({ baseUrl: `http://${address}` }));
