import { describe, expect, test } from "@jest/globals";
import { Random } from "./random.js";
import { LogMachine, uniqueUpdatesWorkload } from "./unique-updates.js";
import type { Operation } from "./workload.js";

const place = (position: number) => Uint8Array.of(position & 0xff, position >> 8, 0, 0);
const operation = (
  client: number,
  position: number | undefined,
  start: number,
  end = Infinity,
): Operation => ({
  client,
  update: Uint8Array.of(client),
  result: position === undefined ? undefined : place(position),
  start,
  end,
});
const check = (...history: Operation[]) => uniqueUpdatesWorkload().check?.(history);

describe("the log", () => {
  test("answers with how many updates there have been", () => {
    const log = new LogMachine();
    expect([1, 2, 3].map(() => log.apply(new Uint8Array(5)))).toEqual([place(1), place(2), place(3)]);
    for (let i = 4; i < 300; i++) log.apply(new Uint8Array(0));
    expect(log.apply(new Uint8Array(0))).toEqual(place(300));
  });

  test("has a digest of its updates and their order", () => {
    const digestOf = (...updates: number[][]) => {
      const log = new LogMachine();
      for (const update of updates) log.apply(Uint8Array.from(update));
      return log.digest();
    };
    expect(digestOf([1], [2])).toBe(digestOf([1], [2]));
    const different = [
      digestOf(),
      digestOf([]),
      digestOf([0]),
      digestOf([1], [2]),
      digestOf([2], [1]),
      digestOf([1, 2]),
    ];
    expect(new Set(different).size).toBe(different.length);
  });
});

describe("updates", () => {
  const updates = () => {
    const workload = uniqueUpdatesWorkload();
    return Array.from({ length: 5 }, (_, client) => {
      const random = new Random(7).fork(`client ${client}`);
      return Array.from({ length: 400 }, () => workload.next(random, client, 0));
    }).flat();
  };

  test("differ, all of them, and most are small", () => {
    const all = updates();
    expect(new Set(all.map((update) => update.join())).size).toBe(2000);
    expect(all.filter(({ length }) => length <= 32).length).toBeGreaterThan(1800);
    expect(all.filter(({ length }) => length >= 200).length).toBeGreaterThan(20);
  });

  test("are the same for the same seed", () => {
    expect(updates()).toEqual(updates());
  });
});

describe("a history", () => {
  test("in order, with updates that nobody answered, is right", () => {
    expect(check()).toBeUndefined();
    const unanswered = operation(1, undefined, 5);
    expect(
      check(operation(1, 1, 0, 4), unanswered, operation(2, 3, 3, 9), operation(2, 4, 9, 12)),
    ).toBeUndefined();
  });

  test("may have any order of updates that overlap, or only touch", () => {
    expect(check(operation(1, 2, 0, 10), operation(2, 1, 5, 15))).toBeUndefined();
    expect(check(operation(1, 2, 0, 10), operation(2, 1, 10, 15))).toBeUndefined();
  });

  test("is wrong when two updates have one place", () => {
    expect(check(operation(1, 7, 0, 10), operation(2, 7, 5, 15))).toBe(
      "two updates have the same place in the log: place 7 (client 1, 0 to 10 us); place 7 (client 2, 5 to 15 us)",
    );
  });

  test("is wrong when a client's updates change places, even without a moment in between", () => {
    expect(check(operation(1, 4, 10, 15), operation(1, 5, 0, 10))).toBe(
      "a client's later update has an earlier place in the log: place 5 (client 1, 0 to 10 us); place 4 (client 1, 10 to 15 us)",
    );
  });

  test("is wrong when an update comes before one answered before it was sent, however long before", () => {
    const others = [operation(3, 2, 12, 20), operation(4, 3, 14, 21), operation(3, 10, 22, 30)];
    expect(check(...others, operation(2, 4, 25, 30), operation(1, 5, 0, 10))).toMatch(/place 5 .*; place 2 /);
    expect(check(operation(1, 5, 0, 10), operation(2, 8, 11, 15), operation(3, 7, 15, 16))).toBeUndefined();
  });

  test("is wrong when an answer is no place", () => {
    const nothing = { ...operation(3, 1, 0, 1), result: new Uint8Array(2) };
    expect(check(nothing)).toBe("client 3 was answered with 2 bytes, not with a place in the log");
  });

  test("is judged as the definition says, at random", () => {
    const random = new Random(1);
    let wrong = 0;
    for (let i = 0; i < 3000; i++) {
      const history = Array.from({ length: random.between(2, 8) }, (_, client) => {
        const start = random.between(0, 30);
        return operation(client, random.between(start, start + 20), start, start + random.between(0, 20));
      });
      const isWrong = history.some((one) =>
        history.some(
          (other) =>
            (one !== other && one.result?.[0] === other.result?.[0]) ||
            (one.end < other.start && Number(one.result?.[0]) > Number(other.result?.[0])),
        ),
      );
      if (isWrong) wrong++;
      expect(check(...history) !== undefined).toBe(isWrong);
    }
    expect(wrong).toBeGreaterThan(500);
    expect(wrong).toBeLessThan(2500);
  });
});
