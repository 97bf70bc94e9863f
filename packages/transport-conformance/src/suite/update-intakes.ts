import type { UpdateCaller, UpdateIntake } from "@paxos/core";
import type { ClientUpdate } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { Handler, Holding } from "./handlers.js";
import { numbers, update } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

/** Updates that are handed over without a promise for each. A transport need not have that; these pass then. */
export function describeUpdateIntakes(adapter: TransportAdapter): void {
  describeSubject("updates without promises", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testSending(endpoints, kind);
      testEnds(endpoints, kind);
      testTaking(endpoints, kind);
    });
  });
}

/** Notes what it is told, and how often. */
class Caller implements UpdateCaller {
  readonly told: string[] = [];

  onOrdered(seq: number, result: Uint8Array, duplicate: boolean): void {
    this.told.push(`${seq} ${result.length}${duplicate ? " again" : ""}`);
  }

  onFailed(error: unknown): void {
    this.told.push((error as { code: string }).code);
  }
}

function intakeTo(endpoints: Endpoints, kind: string, address: string): UpdateIntake | undefined {
  return endpoints.client(kind).updatesTo?.(address);
}

function testSending(endpoints: Endpoints, kind: string): void {
  test("each of many callers is told what became of its update, and later who leads", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const intake = intakeTo(endpoints, kind, address);
    if (intake === undefined) return;
    const callers = numbers(300).map((timestamp) => {
      const caller = new Caller();
      intake.take(update(timestamp, 3), caller);
      // Nobody is told before this returns.
      expect(caller.told).toEqual([]);
      return caller;
    });
    await until(() => callers.every(({ told }) => told.length > 0), "all are told");
    expect(callers.map(({ told }) => told)).toEqual(numbers(300).map((timestamp) => [`${timestamp} 3`]));
  });

  test("two callers of one update are both told, and it is sent once", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const intake = intakeTo(endpoints, kind, address);
    if (intake === undefined) return;
    const callers = [new Caller(), new Caller(), new Caller()];
    for (const caller of callers) intake.take(update(1, 3), caller);
    await until(() => handler.asked.length > 0, "it arrived");
    intake.leave(update(1, 3), callers[1] as Caller);
    handler.answer(1);
    await until(() => callers[2]?.told.length === 1, "the last is told");
    expect(callers.map(({ told }) => told)).toEqual([["1 3"], ["cancelled"], ["1 3"]]);
    expect(handler.asked).toHaveLength(1);
  });
}

function testEnds(endpoints: Endpoints, kind: string): void {
  test("who leaves is told so at once, and so is the handler; leaving again does nothing", async () => {
    const handler = new Holding();
    const { address } = await endpoints.serving(handler);
    const intake = intakeTo(endpoints, kind, address);
    if (intake === undefined) return;
    const [leaves, stays] = [new Caller(), new Caller()];
    intake.take(update(1, 3), leaves);
    intake.take(update(2, 3), stays);
    await until(() => handler.asked.length === 2, "they arrived");
    intake.leave(update(1, 3), leaves);
    expect(leaves.told).toEqual(["cancelled"]);
    intake.leave(update(1, 3), leaves);
    await until(() => handler.cancelled === 1, "the handler learnt it");
    handler.answer(2);
    await until(() => stays.told.length === 1, "the other is told");
    expect([leaves.told, stays.told]).toEqual([["cancelled"], ["2 3"]]);
  });

  test("what cannot be sent fails, once", async () => {
    const intake = intakeTo(endpoints, kind, nowhere);
    if (intake === undefined) return;
    const [one, large] = [new Caller(), new Caller()];
    intake.take(update(1), one);
    intake.take(update(2, 64 * 1024 * 1024), large);
    expect(large.told).toEqual([]);
    await until(() => one.told.length > 0 && large.told.length > 0, "both failed");
    expect([one.told, large.told]).toEqual([["unavailable"], ["too_large"]]);
  });
}

function testTaking(endpoints: Endpoints, kind: string): void {
  test("a handler that takes updates so is given those of a stream, and told of who leaves", async () => {
    const handler = new Handler();
    const taken = new Map<bigint, UpdateCaller>();
    const left: bigint[] = [];
    const updateIntake: UpdateIntake = {
      leader: 4,
      take: ({ timestamp }: ClientUpdate, caller) => taken.set(timestamp, caller),
      leave: ({ timestamp }: ClientUpdate, caller) => {
        left.push(timestamp);
        caller.onFailed(new Error("nobody is told of this"));
      },
    };
    const { address } = await endpoints.serving(Object.assign(handler, { updateIntake }));
    const intake = intakeTo(endpoints, kind, address);
    if (intake === undefined) return;
    const callers = numbers(3).map(() => new Caller());
    for (const [i, caller] of callers.entries()) intake.take(update(i + 1), caller);
    await until(() => taken.size === 3, "they arrived");
    intake.leave(update(2), callers[1] as Caller);
    await until(() => left.length === 1, "it was told");
    taken.get(1n)?.onOrdered(7, new Uint8Array(5), true);
    taken.get(3n)?.onOrdered(2 ** 53 - 1, new Uint8Array(), false);
    await until(() => callers.every(({ told }) => told.length === 1), "all are told");
    expect(callers.map(({ told }) => told)).toEqual([["7 5 again"], ["cancelled"], [`${2 ** 53 - 1} 0`]]);
    expect([left, intake.leader]).toEqual([[2n], 4]);
  });
}
