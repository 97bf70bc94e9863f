import { describe, expect, test } from "@jest/globals";
import { RequestError, type StateMachine } from "@paxos/core";
import fc from "fast-check";
import { first, second } from "../test/registers.js";

const encoder = new TextEncoder();
const bytes = (value: unknown) => encoder.encode(JSON.stringify(value));
const read = (answer: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(answer));

function piecesOf({ snapshot }: StateMachine): Uint8Array[] {
  if (snapshot === undefined) throw new Error("it gives no snapshots");
  return [...(snapshot() as Iterable<Uint8Array>)];
}

test("commands change the state and answer; queries answer", () => {
  let changes = 0;
  const machine = first.create({ changed: () => changes++ });
  expect(machine.commandVersion).toBeUndefined();
  expect(read(machine.apply(bytes(["put", 0, { key: "a", value: "1" }]), 7, 0))).toEqual([0, { seq: 7 }]);
  expect(changes).toBe(1);
  expect(machine.state).toEqual(new Map([["a", "1"]]));
  expect(read(machine.query(bytes(["get", { key: "a" }])))).toEqual([0, "1"]);
  expect(read(machine.query(bytes(["get", { key: "b" }])))).toEqual([0]);
  expect(read(machine.query(bytes(["size"])))).toEqual([0, 1]);
  expect(first.create().state).toEqual(new Map());
});

describe("what is no command of this state machine is invalid, and changes nothing", () => {
  test.each([
    ["no JSON", encoder.encode("put")],
    ["no UTF-8", Uint8Array.of(0xff, 0x22)],
    ["no array", bytes({ put: 1 })],
    ["no version", bytes(["put", { key: "a", value: "1" }])],
    ["an unknown name", bytes(["drop", 0, {}])],
    ["a name of every object", bytes(["toString", 0, {}])],
    ["a version between", bytes(["put", 0.5, { key: "a", value: "1" }])],
    ["too much", bytes(["put", 0, { key: "a", value: "1" }, 4])],
    ["what the schema does not take", bytes(["put", 0, { key: "", value: "1" }])],
    ["no input", bytes(["put", 0])],
  ])("%s", (_, update) => {
    const machine = first.create();
    expect(read(machine.apply(update, 1, 9))).toEqual([1]);
    expect(machine.state.size).toBe(0);
  });
});

/** An answer, or the code of a RequestError. Throws whatever else is thrown. */
function outcomeOf(ask: () => Uint8Array): string {
  try {
    ask();
    return "answer";
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
}

test("whatever is asked, a query throws a RequestError or answers", () => {
  const machine = first.create();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => encoder.encode(text)),
      ),
      (query) => {
        expect(["answer", "invalid"]).toContain(outcomeOf(() => machine.query(query)));
      },
    ),
  );
  expect(() => machine.query(bytes(["gone"]))).toThrow(
    "there is no query of the name gone; there are: get, size",
  );
  expect(() => machine.query(bytes(["get", { key: "" }]))).toThrow("get: key: Too small");
});

test("both releases answer alike, and have the same state, until the second one's version is in use", () => {
  const updates = fc.array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom("put", "clear", "none"),
        fc.constantFrom(0, 1, 2, 3, -1),
        fc.oneof(
          fc.record({
            key: fc.constantFrom("a", "b", ""),
            value: fc.constantFrom("1", "2"),
            keep: fc.boolean(),
          }),
          fc.constant(undefined),
        ),
      ),
      fc.jsonValue(),
    ),
  );
  fc.assert(
    fc.property(updates, (those) => {
      const machines = [first.create(), second.create()];
      for (const [seq, update] of those.entries()) {
        const [one, other] = machines.map((machine) => machine.apply(bytes(update), seq, 0));
        expect(read(one as Uint8Array)).toEqual(read(other as Uint8Array));
      }
      expect(machines[0]?.state).toEqual(machines[1]?.state);
    }),
  );
});

test("a new form is refused until its version is in use, and the old one is taken after it", () => {
  const machine = second.create();
  expect(machine.commandVersion).toBe(2);
  const newPut = bytes(["put", 1, { key: "a", value: "2", keep: true }]);
  const oldPut = bytes(["put", 0, { key: "a", value: "1", keep: true }]);
  expect(read(machine.apply(newPut, 1, 0))).toEqual([2]);
  expect(machine.state.size).toBe(0);
  expect(read(machine.apply(oldPut, 2, 1))).toEqual([0, { seq: 2 }]);
  expect(read(machine.apply(newPut, 3, 1))).toEqual([0, { seq: 3, kept: true }]);
  expect(read(machine.apply(bytes(["clear", 2]), 4, 1))).toEqual([2]);
  expect(read(machine.apply(bytes(["clear", 2]), 5, 2))).toEqual([0]);
  expect(machine.state.size).toBe(0);
});

test("a snapshot is the state as it stood, and restores it, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ unit: "grapheme" }))),
      fc.integer({ min: 1, max: 7 }),
      async (entries, cut) => {
        const machine = first.create();
        for (const [key, value] of entries) machine.apply(bytes(["put", 0, { key, value }]), 1, 0);
        const before = new Map(machine.state);
        const whole = Buffer.concat(piecesOf(machine));
        async function* cutAnew() {
          for (let from = 0; from < whole.length; from += cut) yield whole.subarray(from, from + cut);
        }
        let changes = 0;
        const restored = first.create({ changed: () => changes++ });
        restored.apply(bytes(["put", 0, { key: "other", value: "gone" }]), 1, 0);
        await restored.restore?.(cutAnew());
        expect(restored.state).toEqual(before);
        expect(changes).toBe(2);
      },
    ),
  );
});

test("a large snapshot comes in pieces, and one that breaks off is noticed", async () => {
  const machine = first.create();
  const value = "x".repeat(1_000);
  for (let i = 0; i < 1_000; i++) machine.apply(bytes(["put", 0, { key: `${i}`, value }]), i, 0);
  const pieces = piecesOf(machine);
  expect(pieces.length).toBeGreaterThan(10);
  async function* torn() {
    yield (pieces[0] as Uint8Array).subarray(0, -1);
  }
  await expect(first.create().restore?.(torn())).rejects.toThrow("a snapshot ends within an item");
});
