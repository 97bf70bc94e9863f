import { RequestError } from "@paxos/core";
import type { GloballyOrderedUpdate, QueryRequest, QueryResponse } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { PendingUpdates, UpdateAllowance, UpdateStream } from "../src/index.js";
import { FaultRecorder } from "./fault-record.js";
import { query, SettlingHandler, update } from "./settling-handler.js";
import { turn } from "./until.js";

/** Numbers from 0 up to 1, the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A stream of updates and queries whose two ends are moved by hand, with what its callers were told. */
class Pipe {
  readonly handler = new SettlingHandler();
  readonly faults = new FaultRecorder();
  readonly client: PendingUpdates;
  readonly server = new UpdateStream(
    this.handler,
    this.faults,
    {
      maxRequestBytes: 10_000,
      maxAnswerBytes: 500,
      maxQueriesAsked: 3,
      allowance: new UpdateAllowance({ maxUpdates: 8, maxBytes: 4000 }),
    },
    () => undefined,
  );
  readonly outcomes: Promise<{ timestamp: number; aborted: boolean; outcome: unknown }>[] = [];
  readonly #aborts: AbortController[] = [];
  /** Calls that the handler has neither answered nor failed. */
  open = new Set<SettlingHandler["calls"][number]>();
  openQueries = new Set<SettlingHandler["queries"][number]>();
  #seen = 0;
  #seenQueries = 0;

  /** Clients that are not `restrained` send more than the server takes. */
  constructor(readonly restrained: boolean) {
    const limits = restrained ? { maxUpdatesSent: 8, maxBytesSent: 4000 } : {};
    this.client = new PendingUpdates("server:1", () => undefined, limits);
  }

  call(timestamp: number, bytes: number): void {
    const abort = new AbortController();
    this.#aborts.push(abort);
    // Every third thing that is asked for is a query.
    const call =
      timestamp % 3 === 0
        ? this.client.query(query(timestamp, bytes + 1).request as QueryRequest, abort.signal)
        : this.client.clientUpdate(update(timestamp, bytes), abort.signal);
    this.outcomes.push(
      call
        .catch((error: unknown) => error)
        .then((outcome) => ({ timestamp, aborted: abort.signal.aborted, outcome })),
    );
  }

  giveUp(index: number): void {
    this.#aborts[index]?.abort();
  }

  sendBatch(targetBytes: number): void {
    const batch = this.server.hasRoom ? this.client.takeBatch(targetBytes) : undefined;
    if (batch !== undefined) this.server.take(batch);
    this.#lookAtHandler();
  }

  #lookAtHandler(): void {
    for (; this.#seen < this.handler.calls.length; this.#seen++)
      this.open.add(this.handler.calls[this.#seen]!);
    for (const call of this.open) if (call.signal.aborted) this.open.delete(call);
    const { queries } = this.handler;
    for (; this.#seenQueries < queries.length; this.#seenQueries++)
      this.openQueries.add(queries[this.#seenQueries]!);
    for (const call of this.openQueries) if (call.signal.aborted) this.openQueries.delete(call);
  }

  /** Lets the handler settle the `index`th of those open; a timestamp that 5 divides fails. */
  settle(index: number): void {
    const asked = [...this.openQueries][index];
    if (asked !== undefined) {
      this.openQueries.delete(asked);
      if (asked.first % 5 === 0) asked.fail(new RequestError("busy", "later"));
      else asked.answer(asked.first * 10);
    }
    const call = [...this.open][index];
    if (call === undefined) return;
    this.open.delete(call);
    if (call.update.timestamp % 5n === 0n) call.fail(new RequestError("busy", "later"));
    else call.answer({ leaderId: 2n });
  }

  sendAnswers(targetBytes: number): void {
    const answers = this.server.takeAnswers(targetBytes);
    if (answers !== undefined) this.client.answered(answers);
    this.#lookAtHandler();
  }

  /** No update is with the handler twice, and no more than there may be. */
  check(): void {
    const timestamps = new Set([...this.open].map((call) => call.update.timestamp));
    if (timestamps.size < this.open.size) throw new Error("an update is with the handler twice");
    if (timestamps.size + this.openQueries.size > 8)
      throw new Error(`${timestamps.size} updates and ${this.openQueries.size} queries are with the handler`);
    if (this.openQueries.size > 3) throw new Error(`${this.openQueries.size} queries are with the handler`);
  }
}

/** Resolves with what is left under way at the end. */
async function run(seed: number): Promise<number> {
  const random = seeded(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const pipe = new Pipe(seed % 2 === 0);
  for (let step = 0; step < 300; step++) {
    const kind = below(5);
    if (kind === 0) for (let i = below(6); i >= 0; i--) pipe.call(1 + below(40), below(1500));
    else if (kind === 1) pipe.giveUp(below(pipe.outcomes.length));
    else if (kind === 2) pipe.sendBatch(1 + below(5000));
    else if (kind === 3) pipe.settle(below(Math.max(pipe.open.size, pipe.openQueries.size)));
    else pipe.sendAnswers(1 + below(3000));
    if (below(3) === 0) await turn();
    pipe.check();
  }
  for (let step = 0; pipe.client.length > 0; step++) {
    if (step > 10_000) throw new Error(`seed ${seed}: ${pipe.client.length} are never answered`);
    pipe.sendBatch(10_000);
    while (pipe.open.size + pipe.openQueries.size > 0) pipe.settle(0);
    await turn();
    pipe.sendAnswers(10_000);
  }
  for (const { timestamp, aborted, outcome } of await Promise.all(pipe.outcomes)) {
    const told =
      outcome instanceof RequestError ? outcome.code : (outcome as GloballyOrderedUpdate | QueryResponse).seq;
    if (aborted && told === "cancelled") continue;
    if (!pipe.restrained && told === "busy") continue;
    if (told !== (timestamp % 5 === 0 ? "busy" : BigInt(timestamp)))
      throw new Error(`seed ${seed}: the caller of ${timestamp} was told ${told}`);
  }
  pipe.sendBatch(10_000);
  await turn();
  if (!pipe.server.hasRoom) throw new Error(`seed ${seed}: the server has no room at the end`);
  return pipe.server.length + pipe.faults.count("failed_client_requests");
}

test("whatever is called, given up, sent, answered and read in whatever order: all are told the right thing", async () => {
  for (let seed = 1; seed <= 200; seed++) expect(await run(seed)).toBe(0);
});
