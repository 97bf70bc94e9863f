import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LockModel, perform } from "../test/lock-model.js";
import { LocksCopy } from "../test/locks-copy.js";
import { MAX_STEP_MS } from "./logical-time.js";
import { MAX_LOCKS, MAX_WAITERS, PLACE_MS } from "./locks.js";

const ttlMs = 10_000;

describe("one lock", () => {
  test("is held by one owner, and handed to those who wait in their order", () => {
    const copy = new LocksCopy();
    const acquire = (owner: string, now: number) => copy.apply("acquire", { name: "l", owner, ttlMs, now });
    expect(acquire("a", 1)).toEqual({ kind: "held", token: 1 });
    expect(acquire("b", 2)).toEqual({ kind: "waiting", by: "a", ahead: 1 });
    expect(acquire("c", 3)).toEqual({ kind: "waiting", by: "a", ahead: 2 });
    expect(acquire("b", 4)).toEqual({ kind: "waiting", by: "a", ahead: 1 });
    expect(copy.apply("acquire", { name: "l", owner: "d", ttlMs, now: 5, wait: false })).toEqual({
      kind: "taken",
      by: "a",
    });
    expect(copy.query("ahead", { name: "l", owner: "c", now: 5 })).toBe(2);
    expect(copy.query("ahead", { name: "l", owner: "d", now: 5 })).toBe(-1);
    expect(copy.apply("release", { name: "l", owner: "a", token: 1, now: 6 })).toEqual({ kind: "released" });
    expect(copy.query("ahead", { name: "l", owner: "b", now: 6 })).toBe(0);
    expect(acquire("c", 7)).toEqual({ kind: "waiting", by: "b", ahead: 1 });
    expect(copy.apply("acquire", { name: "l", owner: "d", ttlMs, now: 7, wait: false })).toEqual({
      kind: "taken",
      by: "b",
    });
    expect(acquire("b", 8)).toEqual({ kind: "held", token: 9 });
    expect(copy.query("holder", { name: "l", now: 8 })).toMatchObject({
      holder: { owner: "b", token: 9, expiresInMs: ttlMs },
      waiting: 1,
    });
  });

  test("is acquired once, however often its holder asks", () => {
    const copy = new LocksCopy();
    const input = { name: "l", owner: "a", ttlMs };
    expect(copy.apply("acquire", { ...input, now: 0 })).toEqual({ kind: "held", token: 1 });
    expect(copy.apply("acquire", { ...input, now: 9_000 })).toEqual({ kind: "held", token: 1 });
    expect(copy.apply("renew", { ...input, token: 1, now: 18_000 })).toEqual({ kind: "held" });
    expect(copy.apply("renew", { ...input, token: 1, now: 28_000 })).toEqual({ kind: "lost" });
    expect(copy.apply("acquire", { ...input, now: 28_000 })).toEqual({ kind: "held", token: 5 });
  });

  test("only its holder, with its token, renews and releases it", () => {
    const copy = new LocksCopy();
    copy.apply("acquire", { name: "l", owner: "a", ttlMs, now: 1 });
    for (const wrong of [
      { owner: "b", token: 1 },
      { owner: "a", token: 2 },
    ]) {
      expect(copy.apply("renew", { name: "l", ...wrong, ttlMs, now: 1 })).toEqual({ kind: "lost" });
      expect(copy.apply("release", { name: "l", ...wrong, now: 1 })).toEqual({ kind: "lost" });
    }
    expect(copy.apply("renew", { name: "l", owner: "a", token: 1, ttlMs, now: 1 })).toEqual({ kind: "held" });
  });

  test("passes over who has stopped asking", () => {
    const copy = new LocksCopy();
    const acquire = (owner: string, now: number) => copy.apply("acquire", { name: "l", owner, ttlMs, now });
    acquire("a", 1);
    acquire("b", 1);
    acquire("c", 1);
    copy.apply("release", { name: "l", owner: "a", token: 1, now: 2 });
    // b keeps its place for as long as it may be silent.
    expect(acquire("c", PLACE_MS)).toMatchObject({ kind: "waiting", by: "b" });
    expect(acquire("c", PLACE_MS + 1)).toMatchObject({ kind: "held" });
  });

  test("is left by who gives up, wherever that stands", () => {
    const copy = new LocksCopy();
    const acquire = (owner: string) => copy.apply("acquire", { name: "l", owner, ttlMs, now: 1 });
    acquire("a");
    acquire("b");
    acquire("c");
    copy.apply("leave", { name: "l", owner: "b", now: 1 });
    copy.apply("leave", { name: "l", owner: "a", now: 1 });
    copy.apply("leave", { name: "l", owner: "nobody", now: 1 });
    expect(acquire("c")).toMatchObject({ kind: "held" });
    expect(copy.query("holder", { name: "l", now: 1 })).toMatchObject({ waiting: 0 });
  });
});

describe("time", () => {
  const held = (copy: LocksCopy, owner: string, now: number, ttlMs = 10_000) =>
    copy.apply("acquire", { name: "l", owner, ttlMs, now, wait: false });

  test("never goes back, and a clock that is behind does nothing", () => {
    const copy = new LocksCopy();
    held(copy, "a", 1_000_000);
    expect(held(copy, "b", 5)).toMatchObject({ kind: "taken" });
    expect(held(copy, "b", 1_009_999)).toMatchObject({ kind: "taken" });
    expect(held(copy, "b", 1_010_000)).toMatchObject({ kind: "held" });
  });

  test("is moved by one command by no more than a minute, whatever its clock says", () => {
    const copy = new LocksCopy();
    const hour = 3_600_000;
    held(copy, "a", 1_000_000, hour);
    expect(held(copy, "b", 9e15)).toMatchObject({ kind: "taken" });
    expect(copy.query("holder", { name: "l", now: 9e15 })).toMatchObject({
      holder: { expiresInMs: hour - MAX_STEP_MS },
    });
  });

  test("stands still after a clock was ahead, until it is reset, which ends no lease", () => {
    const copy = new LocksCopy();
    held(copy, "a", 1_000_000);
    copy.apply("leave", { name: "other", owner: "ahead", now: 5_000_000_000 });
    held(copy, "c", 1_100_000);
    expect(held(copy, "b", 1_200_000)).toMatchObject({ kind: "taken", by: "c" });
    expect(copy.query("list", { prefix: "", now: 1 })).toMatchObject({ clock: 5_000_000_000 });
    copy.apply("resetClock", { now: 1_200_000 });
    expect(held(copy, "b", 1_200_001)).toMatchObject({ kind: "taken", by: "c" });
    expect(held(copy, "b", 1_210_000)).toMatchObject({ kind: "held" });
  });

  test("is seen by queries as a command would find it, and passes by commands only", () => {
    const copy = new LocksCopy();
    held(copy, "a", 1_000_000);
    expect(copy.query("holder", { name: "l", now: 1_010_000 })).toEqual({ waiting: 0 });
    expect(copy.query("list", { prefix: "", now: 1_010_000 })).toMatchObject({
      locks: [{ name: "l", waiting: 0 }],
    });
    expect(copy.query("holder", { name: "l", now: 1_000_000 })).toMatchObject({ holder: { owner: "a" } });
  });
});

describe("limits", () => {
  test("so many may wait for a lock, and the next is told", () => {
    const copy = new LocksCopy();
    const acquire = (owner: string, now: number) => copy.apply("acquire", { name: "l", owner, ttlMs, now });
    for (let i = 0; i <= MAX_WAITERS; i++) acquire(`${i}`, 1);
    expect(acquire("late", 1)).toEqual({ kind: "full", what: "100 wait for l" });
    expect(acquire("7", 1)).toMatchObject({ kind: "waiting", ahead: 7 });
    expect(acquire("late", PLACE_MS + 1)).toMatchObject({ kind: "held" });
  });

  test("there may be so many locks, and those that have expired make room", () => {
    const copy = new LocksCopy();
    const acquire = (name: string, now: number) => copy.apply("acquire", { name, owner: "a", ttlMs, now });
    for (let i = 0; i < MAX_LOCKS; i++) acquire(`${i}`, i);
    expect(acquire("late", 9_999)).toEqual({ kind: "full", what: "there are 10000 locks" });
    expect(acquire("0", 9_999)).toMatchObject({ kind: "held" });
    // 1 has expired.
    expect(acquire("late", 10_001)).toMatchObject({ kind: "held" });
    expect(acquire("later", 10_001)).toMatchObject({ kind: "full" });
  });

  test("what is too long, too short or no whole number is invalid", () => {
    const copy = new LocksCopy();
    const good = { name: "l", owner: "a", ttlMs, now: 1 };
    for (const wrong of [
      { name: "" },
      { name: "x".repeat(201) },
      { owner: "x".repeat(201) },
      { ttlMs: 999 },
      { ttlMs: 86_400_001 },
      { now: -1 },
      { now: 0.5 },
      { value: "x".repeat(1_001) },
    ]) {
      expect(copy.applied("acquire", { ...good, ...wrong })).toEqual([1]);
    }
    expect(copy.machine.state.locks.size).toBe(0);
  });

  test("lists come in their order, page by page", () => {
    const copy = new LocksCopy();
    for (let i = 0; i < 1_200; i++)
      copy.apply("acquire", {
        name: `p/${String((i * 7) % 1_200).padStart(4, "0")}`,
        owner: "a",
        ttlMs,
        now: 1,
      });
    copy.apply("acquire", { name: "q", owner: "a", ttlMs, now: 1 });
    const names: string[] = [];
    for (let after: string | undefined = "", more = true; more; after = names.at(-1)) {
      const page = copy.query("list", { prefix: "p/", after, now: 1 }) as {
        locks: { name: string }[];
        more: boolean;
      };
      names.push(...page.locks.map(({ name }) => name));
      ({ more } = page);
    }
    expect(names).toEqual(Array.from({ length: 1_200 }, (_, i) => `p/${String(i).padStart(4, "0")}`));
  });
});

const owners = fc.constantFrom("a", "b", "c", "d");
/** How time goes on for the sender of a command: mostly a little, at times far ahead or back. */
const steps = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 4_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -200_000, max: 200_000 }) },
);
const act = fc.record({
  verb: fc.constantFrom("acquire", "acquire", "acquire", "try", "renew", "release", "leave"),
  owner: owners,
  step: steps,
  ttlMs: fc.integer({ min: 1_000, max: 20_000 }),
});

test("whatever comes, there is one holder at most, tokens rise, nobody overtakes, and who has expired cannot renew", () => {
  let granted = 0;
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 80 }), (acts) => {
      const copy = new LocksCopy();
      const model = new LockModel();
      const tokens = new Map<string, number>();
      let now = 10_000_000;
      for (const { step, ...one } of acts) {
        now += step;
        const token = tokens.get(one.owner) ?? 1;
        const answer = perform(copy, one, now, tokens);
        expect(model.judge(one, now, token, answer)).toBeUndefined();
        if (one.verb !== "renew" && answer.kind === "held") granted++;
      }
    }),
    { numRuns: 300 },
  );
  expect(granted).toBeGreaterThan(1_000);
});

async function* given(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

test("a snapshot taken between any two commands restores a copy that answers alike from there on", async () => {
  const acts = fc.array(act, { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(acts, acts, fc.nat(10), async (before, after, pause) => {
      const copy = new LocksCopy();
      const run = (to: LocksCopy, those: typeof before, from: number, tokens: Map<string, number>) => {
        let now = from;
        return those.map(({ step, ...one }) => {
          now += step;
          return { now, answer: perform(to, one, now, tokens), list: to.query("list", { prefix: "", now }) };
        });
      };
      const tokens = new Map<string, number>();
      const from = run(copy, before, 10_000_000, tokens).at(-1)?.now ?? 0;
      const { seq } = copy;
      const snapshot = copy.snapshot();
      // The first piece is asked for at once, the others while commands go on.
      const pieces = [snapshot.next()];
      const tokensThen = new Map(tokens);
      const first = run(copy, after.slice(0, pause), from, tokens);
      while (pieces.at(-1)?.done !== true) pieces.push(snapshot.next());
      const rest = run(copy, after.slice(pause), first.at(-1)?.now ?? from, tokens);
      const restored = new LocksCopy();
      await restored.machine.restore?.(
        given(pieces.flatMap(({ value }) => (value === undefined ? [] : [value]))),
      );
      restored.seq = seq;
      expect(run(restored, after, from, tokensThen)).toEqual([...first, ...rest]);
    }),
    { numRuns: 200 },
  );
});
