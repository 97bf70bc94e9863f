import { describe, expect, test } from "@jest/globals";
import {
  decodeKeyValueAnswer,
  decodeKeyValueUpdate,
  encodeKeyValueAnswer,
  encodeKeyValueUpdate,
  type KeyValueAnswer,
  type KeyValueUpdate,
} from "./key-value-update.js";
import { KeyValueMachine, keyValueModel, keyValueWorkload } from "./key-value.js";
import { type Call, checkLinearizability } from "./linearizability.js";
import { Random } from "./random.js";
import type { Operation } from "./workload.js";

const put = (key: number, value: number): KeyValueUpdate => ({ kind: "put", key, value });
const get = (key: number): KeyValueUpdate => ({ kind: "get", key });
const swap = (key: number, expected: number | null, value: number): KeyValueUpdate => ({
  kind: "compare-and-swap",
  key,
  expected,
  value,
});

describe("encoding", () => {
  const updates = [
    get(0),
    get(2 ** 32 - 1),
    put(1, 2),
    { kind: "delete", key: 7 },
    swap(1, 2, 3),
    swap(1, null, 3),
  ];

  test.each(updates as KeyValueUpdate[])("of update %j is taken back", (update) => {
    expect(decodeKeyValueUpdate(encodeKeyValueUpdate(update))).toEqual(update);
  });

  test("of an update that is cut off, too long or of no kind gives nothing", () => {
    for (const update of updates as KeyValueUpdate[]) {
      const bytes = encodeKeyValueUpdate(update);
      for (let length = 0; length < bytes.length; length++) {
        expect(decodeKeyValueUpdate(bytes.subarray(0, length))).toBeUndefined();
      }
      expect(decodeKeyValueUpdate(Uint8Array.of(...bytes, 0))).toBeUndefined();
      expect(decodeKeyValueUpdate(Uint8Array.of(9, ...bytes.subarray(1)))).toBeUndefined();
    }
  });

  test.each([
    { kind: "malformed" },
    { kind: "before", value: null },
    { kind: "before", value: 2 ** 32 - 1 },
  ] as KeyValueAnswer[])("of answer %j is taken back", (answer) => {
    const bytes = encodeKeyValueAnswer(answer);
    expect(decodeKeyValueAnswer(bytes)).toEqual(answer);
    expect(decodeKeyValueAnswer(Uint8Array.of(...bytes, 0))).toBeUndefined();
    expect(decodeKeyValueAnswer(bytes.subarray(1))).toBeUndefined();
  });
});

describe("the store", () => {
  const answers = (machine: KeyValueMachine, ...updates: KeyValueUpdate[]) =>
    updates.map((update) => {
      const answer = decodeKeyValueAnswer(machine.apply(encodeKeyValueUpdate(update)));
      return answer?.kind === "before" ? answer.value : answer;
    });

  test("answers by what the key held before", () => {
    const machine = new KeyValueMachine();
    expect(answers(machine, get(1), put(1, 10), put(1, 11), put(2, 20), get(1))).toEqual([
      null,
      null,
      10,
      null,
      11,
    ]);
    expect(answers(machine, { kind: "delete", key: 1 }, get(1), get(2))).toEqual([11, null, 20]);
  });

  test("swaps only what was expected", () => {
    const machine = new KeyValueMachine();
    expect(answers(machine, swap(1, 5, 6), get(1), swap(1, null, 7), get(1))).toEqual([null, null, null, 7]);
    expect(answers(machine, swap(1, null, 8), get(1), swap(1, 7, 9), get(1))).toEqual([7, 7, 7, 9]);
  });

  test("answers bytes that make no sense by saying so, and stays as it is", () => {
    const machine = new KeyValueMachine();
    answers(machine, put(1, 10));
    const digest = machine.digest();
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2), new Uint8Array(200)]) {
      expect(decodeKeyValueAnswer(machine.apply(bytes))).toEqual({ kind: "malformed" });
    }
    expect(machine.digest()).toBe(digest);
  });

  test("has equal digests for equal contents, and different ones for different contents", () => {
    const [one, other] = [new KeyValueMachine(), new KeyValueMachine()];
    expect(one.digest()).toBe(other.digest());
    answers(one, put(1, 10), put(2, 20));
    answers(other, put(2, 20), put(1, 11));
    expect(one.digest()).not.toBe(other.digest());
    answers(other, swap(1, 11, 10));
    expect(one.digest()).toBe(other.digest());
    answers(other, { kind: "delete", key: 1 }, { kind: "delete", key: 2 });
    expect(other.digest()).toBe(new KeyValueMachine().digest());
  });

  test("tells exchanged values apart by its digest", () => {
    const [one, other] = [new KeyValueMachine(), new KeyValueMachine()];
    answers(one, put(1, 10), put(2, 20));
    answers(other, put(1, 20), put(2, 10));
    expect(one.digest()).not.toBe(other.digest());
  });
});

describe("the workload", () => {
  test("gives the same updates for the same seed, whatever it was used for before", () => {
    const workload = keyValueWorkload();
    const updates = () => {
      const random = new Random(1);
      return Array.from({ length: 100 }, () => workload.next(random, 3, 0));
    };
    expect(updates()).toEqual(updates());
  });

  test("mixes all kinds, uses low keys more, writes no value twice", () => {
    const workload = keyValueWorkload({ keys: 5 });
    const clients = Array.from({ length: 4 }, (_, client) => ({ client, random: new Random(client) }));
    const updates = clients.flatMap(({ client, random }) =>
      Array.from({ length: 500 }, () => decodeKeyValueUpdate(workload.next(random, client, 0))),
    );
    const count = (of: (update: KeyValueUpdate) => unknown) =>
      updates.filter((update) => update && of(update)).length;
    for (const kind of ["get", "put", "delete", "compare-and-swap"]) {
      expect(count((update) => update.kind === kind)).toBeGreaterThan(150);
    }
    expect(count(({ key }) => key < 5)).toBe(2000);
    expect(count(({ key }) => key === 0)).toBeGreaterThan(2 * count(({ key }) => key === 3));
    const values = updates.flatMap((update) => (update && "value" in update ? [update.value] : []));
    expect(new Set(values).size).toBe(values.length);
  });

  test("finds swaps that succeed", () => {
    const { history } = run({ seed: 1, operations: 500, unansweredPerMille: 0 });
    const swapped = history.filter(({ update, result }) => {
      const input = decodeKeyValueUpdate(update);
      const answer = result && decodeKeyValueAnswer(result);
      if (input?.kind !== "compare-and-swap" || answer?.kind !== "before") return false;
      return input.expected !== null && answer.value === input.expected;
    });
    expect(swapped.length).toBeGreaterThan(5);
  });

  test.each([1, 2, 3, 4, 5])("finds nothing wrong with an atomic store, seed %i", (seed) => {
    const { workload, history } = run({ seed, operations: 2000, unansweredPerMille: 100 });
    expect(workload.check?.(history)).toBeUndefined();
  });

  test("decides long histories on few keys, many updates unanswered", () => {
    const { workload, history } = run({ seed: 6, operations: 5000, unansweredPerMille: 300, keys: 2 });
    expect(workload.check?.(history)).toBeUndefined();
  });

  test.each([1, 2, 3, 4, 5])("finds one stale answer and says which, seed %i", (seed) => {
    const { workload, history } = run({ seed, operations: 1000, unansweredPerMille: 100 });
    const isAnswered = (kind: KeyValueUpdate["kind"]) => (operation: Operation) =>
      operation.result !== undefined && decodeKeyValueUpdate(operation.update)?.kind === kind;
    const index = history.findLastIndex(isAnswered("get"));
    const { client, update, start, end } = history[index] as Operation;
    const key = decodeKeyValueUpdate(update)?.key;
    // What the first put wrote was overwritten long ago.
    const first = history
      .filter(isAnswered("put"))
      .map((operation) => decodeKeyValueUpdate(operation.update));
    const value = first.flatMap((put) =>
      put?.kind === "put" && put.key === key ? [put.value] : [],
    )[0] as number;
    const result = encodeKeyValueAnswer({ kind: "before", value });
    const finding = workload.check?.(history.with(index, { client, update, result, start, end })) as string;
    expect(finding).toMatch(/^key \d is not linearizable/);
    expect(finding).toContain(`client ${client}, ${start} to ${end} us: get found ${value}`);
    expect(finding.split("\n").length).toBeLessThan(8);
  });

  test("unanswered writes that are left out of account make no difference", () => {
    const { relevant: _, inputKey: __, ...plainModel } = keyValueModel;
    const random = new Random(1);
    const verdicts = { linearizable: 0, "not-linearizable": 0, unknown: 0 };
    for (let i = 0; i < 3000; i++) {
      const calls = Array.from({ length: 8 }, (_, process) => randomCall(random, process));
      const { kind } = checkLinearizability(keyValueModel, calls, { maxSteps: 200_000 });
      verdicts[kind]++;
      expect(checkLinearizability(plainModel, calls, { maxSteps: 200_000 }).kind).toBe(kind);
    }
    expect(Math.min(verdicts.linearizable, verdicts["not-linearizable"])).toBeGreaterThan(300);
  });

  test("finds an answer that is none", () => {
    const update = encodeKeyValueUpdate(get(1));
    const judge = (result: Uint8Array, to = update) =>
      keyValueWorkload().check?.([{ client: 2, update: to, result, start: 1, end: 2 }]);
    expect(judge(Uint8Array.of(7))).toBe("client 2's update 0x0101000000 was answered with 0x07");
    expect(judge(Uint8Array.of(2))).toBe("client 2's update 0x0101000000 was answered with 0x02");
    expect(judge(Uint8Array.of(2), Uint8Array.of(99))).toBeUndefined();
    expect(judge(Uint8Array.of(0), Uint8Array.of(99))).toBe("client 2's update 0x63 was answered with 0x00");
  });

  test("counts what it could not decide", () => {
    const { history } = run({ seed: 1, operations: 1000, unansweredPerMille: 0 });
    expect(keyValueWorkload({ maxSteps: 10 }).check?.(history)).toEqual({ undecided: 8 });
  });
});

/** Most are unanswered, and values are few, so that much can explain an answer. */
function randomCall(random: Random, process: number): Call<KeyValueUpdate, number | null> {
  const value = random.between(1, 3);
  const found = random.pick([null, 1, 2, 3]);
  const input = random.pick([
    get(1),
    put(1, value),
    { kind: "delete", key: 1 } as const,
    swap(1, found, value),
  ]);
  const start = random.between(0, 20);
  if (random.chance(600)) return { process, input, output: undefined, start, end: Infinity };
  const output = random.chance(200) ? undefined : random.pick([null, 1, 2, 3]);
  return { process, input, output, start, end: start + random.between(0, 8) };
}

/** Sixteen clients, and a store that applies each update at some point between its start and its end. */
function run(options: { seed: number; operations: number; unansweredPerMille: number; keys?: number }) {
  const workload = keyValueWorkload({ keys: options.keys ?? 8 });
  const random = new Random(options.seed);
  const clients = Array.from({ length: 16 }, (_, client) => ({
    client,
    random: random.fork(`${client}`),
    freeAt: 0,
  }));
  const planned = Array.from({ length: options.operations }, () => {
    const one = random.pick(clients) as (typeof clients)[number];
    const start = one.freeAt + random.between(0, 2000);
    const point = start + random.between(100, 30_000);
    const end = point + random.between(100, 30_000);
    one.freeAt = end;
    return { client: one.client, update: workload.next(one.random, one.client, 0), start, point, end };
  });
  const machine = new KeyValueMachine();
  const history = planned
    .toSorted((a, b) => a.point - b.point)
    .flatMap(({ client, update, start, end }): Operation[] => {
      if (!random.chance(options.unansweredPerMille)) {
        return [{ client, update, result: machine.apply(update), start, end }];
      }
      if (random.chance(500)) machine.apply(update);
      return [{ client, update, result: undefined, start, end: Infinity }];
    });
  return { workload, history };
}
