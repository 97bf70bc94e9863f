import { expect, test } from "@jest/globals";
import { Random } from "./random.js";
import { UpdateQueue, type PendingUpdate } from "./update-queue.js";

function update(timestamp: number, own = true, size = 10) {
  return { clientId: 7n, timestamp: BigInt(timestamp), bytes: new Uint8Array(size), own };
}

function stages(queue: UpdateQueue): string[] {
  return [...queue].map((pending) => `${pending.timestamp} ${pending.stage}`);
}

test("updates wait in the order in which they came, and are found by client and timestamp", () => {
  const queue = new UpdateQueue(10, 1000, 1);
  for (const timestamp of [3, 1, 2]) queue.add(update(timestamp));
  expect(queue.get(7n, 1n)?.bytes).toHaveLength(10);
  expect([queue.get(7n, 4n), queue.get(8n, 1n)]).toEqual([undefined, undefined]);
  expect(queue.peekWaiting()?.timestamp).toBe(3n);
  queue.takeWaiting("proposed");
  queue.remove(7n, 1n);
  expect(queue.peekWaiting()?.timestamp).toBe(2n);
  expect(stages(queue)).toEqual(["3 proposed", "2 waiting"]);
  queue.takeWaiting("forwarded");
  expect([queue.peekWaiting(), queue.size, queue.own]).toEqual([undefined, 2, 2]);
});

test("is full by number or by bytes, but one update always has room", () => {
  const queue = new UpdateQueue(3, 100, 1);
  expect(queue.isFull(5000)).toBe(false);
  queue.add(update(1, true, 60));
  expect([queue.isFull(40), queue.isFull(41)]).toEqual([false, true]);
  queue.add(update(2, true, 0));
  queue.add(update(3, true, 0));
  expect(queue.isFull(0)).toBe(true);
  queue.remove(7n, 1n);
  expect([queue.isFull(100), queue.isFull(101)]).toEqual([false, true]);
});

test("a removed update is marked as done, so that whoever holds it knows; removing it again does nothing", () => {
  const queue = new UpdateQueue(3, 100, 1);
  const pending = queue.add(update(1));
  expect(queue.remove(7n, 1n)).toBe(pending);
  expect(pending.done).toBe(true);
  expect(queue.remove(7n, 1n)).toBeUndefined();
  expect([queue.size, queue.own, queue.peekWaiting()]).toEqual([0, 0, undefined]);
});

test("when the leader is gone, own updates wait anew in their order, those of others are dropped", () => {
  const queue = new UpdateQueue(10, 1000, 1);
  for (let timestamp = 1; timestamp <= 5; timestamp++) queue.add(update(timestamp, timestamp !== 3));
  for (const stage of ["forwarded", "proposed", "proposed"] as const) {
    queue.peekWaiting();
    queue.takeWaiting(stage);
  }
  queue.restart();
  expect(stages(queue)).toEqual(["1 waiting", "2 waiting", "4 waiting", "5 waiting"]);
  expect([queue.peekWaiting()?.timestamp, queue.size, queue.own]).toEqual([1n, 4, 4]);
});

test("an update that a peer forwarded first and a client hands in then is this node's own from then on", () => {
  const queue = new UpdateQueue(10, 1000, 1);
  const pending = queue.add(update(1, false));
  expect(queue.own).toBe(0);
  queue.adopt(pending);
  queue.adopt(pending);
  expect(queue.own).toBe(1);
  queue.restart();
  expect(stages(queue)).toEqual(["1 waiting"]);
});

/** The same over one array. */
class NaiveQueue {
  all: Omit<PendingUpdate, "done" | "sent">[] = [];

  get own(): number {
    return this.all.filter(({ own }) => own).length;
  }

  peekWaiting() {
    return this.all.find(({ stage }) => stage === "waiting");
  }

  isFull(more: number): boolean {
    const bytes = this.all.reduce((sum, pending) => sum + pending.bytes.length, more);
    return this.all.length > 0 && (this.all.length >= 50 || bytes > 400);
  }

  get size(): number {
    return this.all.length;
  }

  [Symbol.iterator]() {
    return this.all[Symbol.iterator]();
  }
}

function stateOf(queue: UpdateQueue | NaiveQueue): string {
  const all = [...queue].map(({ timestamp, stage, own }) => `${timestamp} ${stage} ${own}`);
  return `${queue.size}: ${all.join(", ")}; own ${queue.own}, next ${queue.peekWaiting()?.timestamp}, full ${queue.isFull(9)}`;
}

test("does the same as a plain array, over thousands of operations", () => {
  const random = new Random(5);
  const queue = new UpdateQueue(50, 400, 1);
  const naive = new NaiveQueue();
  for (let i = 0; i < 6000; i++) {
    const some = naive.all[random.between(0, Math.max(0, naive.all.length - 1))];
    const kind = random.between(0, 99);
    if (kind < 45) {
      const added = update(i, random.between(0, 1) === 1, random.between(0, 20));
      queue.add(added);
      naive.all.push({ ...added, stage: "waiting" });
    } else if (kind < 75) {
      const waiting = naive.all.find(({ stage }) => stage === "waiting");
      if (queue.peekWaiting() === undefined) continue;
      queue.takeWaiting(kind < 60 ? "forwarded" : "proposed");
      if (waiting !== undefined) waiting.stage = kind < 60 ? "forwarded" : "proposed";
    } else if (kind < 97 && some !== undefined) {
      queue.remove(some.clientId, some.timestamp);
      naive.all = naive.all.filter((pending) => pending !== some);
    } else if (kind === 97 && some !== undefined) {
      const pending = queue.get(some.clientId, some.timestamp);
      if (pending !== undefined) queue.adopt(pending);
      some.own = true;
    } else if (kind === 98) {
      queue.restart();
      naive.all = naive.all.filter(({ own }) => own);
      for (const pending of naive.all) pending.stage = "waiting";
    }
    if (stateOf(queue) !== stateOf(naive)) break;
  }
  expect(stateOf(queue)).toBe(stateOf(naive));
});

test("holds nothing of what has left, however long it runs behind one update that stays", () => {
  const queue = new UpdateQueue(100, 1_000_000, 1);
  queue.add(update(0));
  for (let timestamp = 1; timestamp < 20_000; timestamp++) {
    queue.add(update(timestamp));
    queue.remove(7n, BigInt(timestamp));
  }
  expect(stages(queue)).toEqual(["0 waiting"]);
  expect(queue.peekWaiting()?.timestamp).toBe(0n);
});
