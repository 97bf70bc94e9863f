import { setImmediate } from "node:timers/promises";
import { SubmitError } from "@paxos/client";
import { RequestError } from "@paxos/core";
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FakeCluster, type Fate } from "../test/fake-connection.js";
import { ManualClock } from "../test/manual-clock.js";
import { FencedRegister } from "./fenced-register.js";
import type { Lock } from "./lock.js";
import { lockClient, type AcquireOptions, type Leader } from "./lock-client.js";

const ttlMs = 10_000;
let clock: ManualClock;
let cluster: FakeCluster;

beforeEach(() => {
  clock = new ManualClock();
  cluster = new FakeCluster(clock);
});

function program(label: string) {
  const connection = cluster.connect();
  return { connection, locks: lockClient(connection, { label, clock }) };
}

/** Lets time pass until it is there. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const outcome = promise.finally(() => (settled = true));
  outcome.catch(() => undefined);
  for (let ms = 0; !settled && ms < 60_000; ms += 50) await clock.pass(50);
  if (!settled) throw new Error("not within a minute");
  return outcome;
}

const held = async () => (await lockClient(cluster.connect(), { clock }).leader("l"))?.token;

describe("acquiring", () => {
  test("those who wait get the lock in their order, and rising tokens", async () => {
    const order: string[] = [];
    const tokens: number[] = [];
    const work = async (label: string) => {
      const lock = await program(label).locks.acquire("l", { ttlMs });
      order.push(label);
      tokens.push(lock.token);
      await new Promise<void>((resolve) => void clock.after(25_000, resolve));
      expect(lock.signal.aborted).toBe(false);
      await lock.release();
      expect(lock.signal.reason).toMatchObject({ name: "LockError", code: "released" });
    };
    const all = [];
    for (const label of ["a", "b", "c"]) {
      all.push(work(label));
      await clock.pass(10);
    }
    await clock.pass(80_000);
    await Promise.all(all);
    expect(order).toEqual(["a", "b", "c"]);
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
    expect(new Set(tokens).size).toBe(3);
  });

  test("a request whose end nobody knows is sent anew, and the lock acquired once", async () => {
    const { connection, locks } = program("a");
    const fates: Fate[] = ["unanswered", "lost", "answered"];
    connection.fate = () => fates.shift() ?? "answered";
    const reports: string[] = [];
    const lock = await inTime(locks.acquire("l", { ttlMs: 20_000, report: (line) => reports.push(line) }));
    expect(lock.token).toBe(1);
    expect(connection.sent).toEqual(["acquire", "acquire", "acquire"]);
    expect(reports).toEqual(Array(2).fill("trying again: no answer within 5.5 s"));
    expect(lock.held).toBe(true);
  });

  test("an answer that has taken longer than the lease is none", async () => {
    const { connection, locks } = program("a");
    let first = true;
    connection.delays = () => {
      const delays = first ? ([0, 950] as const) : ([0, 0] as const);
      first = false;
      return delays;
    };
    const lock = await inTime(locks.acquire("l", { ttlMs: 1_000 }));
    expect(connection.sent.slice(0, 2)).toEqual(["acquire", "acquire"]);
    expect(lock.held).toBe(true);
  });

  test("who gives up leaves the queue", async () => {
    const first = await program("a").locks.acquire("l", { ttlMs });
    const second = program("b");
    const abort = new AbortController();
    const waiting = second.locks.acquire("l", { ttlMs, signal: abort.signal });
    await clock.pass(500);
    const third = program("c").locks.acquire("l", { ttlMs });
    await clock.pass(500);
    abort.abort(new Error("enough"));
    await expect(inTime(waiting)).rejects.toThrow("enough");
    expect(second.connection.sent.at(-1)).toBe("leave");
    await first.release();
    const before = clock.monotonic();
    expect((await inTime(third)).owner).toMatch(/^c#/);
    expect(clock.monotonic() - before).toBeLessThanOrEqual(1_000);
  });

  test("who gives up while it is being asked neither holds nor waits", async () => {
    const { connection, locks } = program("a");
    connection.fate = (name) => (name === "acquire" ? "unanswered" : "answered");
    const abort = new AbortController();
    const acquiring = locks.acquire("l", { ttlMs, signal: abort.signal });
    await clock.pass(100);
    expect(await held()).toBe(1);
    abort.abort(new Error("enough"));
    await expect(inTime(acquiring)).rejects.toThrow("enough");
    expect(await held()).toBeUndefined();
    await expect(locks.acquire("l", { signal: abort.signal })).rejects.toThrow("enough");
  });

  test("tryAcquire waits for nobody", async () => {
    const lock = await program("a").locks.tryAcquire("l");
    expect(lock?.token).toBe(1);
    expect(await program("b").locks.tryAcquire("l")).toBeUndefined();
    await lock?.release();
    expect((await program("b").locks.tryAcquire("l"))?.held).toBe(true);
  });

  test("a full queue is told", async () => {
    await program("a").locks.acquire("l", { ttlMs });
    const now = clock.wall();
    for (let i = 0; i < 100; i++) cluster.copy.apply("acquire", { name: "l", owner: `${i}`, ttlMs, now });
    await expect(inTime(program("b").locks.acquire("l"))).rejects.toMatchObject({
      name: "LockError",
      code: "full",
      message: "l cannot be had: 100 wait for l",
    });
  });

  test.each([
    ["what the cluster does not take", new RequestError("invalid", "another state machine runs there")],
    ["a connection that is closed", new SubmitError("rejected", "cancelled", "the client was closed")],
  ])("%s is no reason to try again", async (_, refusal) => {
    const { connection, locks } = program("a");
    connection.refusal = refusal;
    await expect(inTime(locks.acquire("l"))).rejects.toBe(refusal);
  });

  test("wrong input is refused", async () => {
    await expect(inTime(program("a").locks.acquire("l", { ttlMs: 1 }))).rejects.toMatchObject({
      code: "invalid",
    });
  });

  test("servers that are away for a while are waited for", async () => {
    const { connection, locks } = program("a");
    connection.refusal = new SubmitError("unknown", "unavailable", "no server can be reached");
    const acquiring = locks.acquire("l", { ttlMs });
    await clock.pass(120_000);
    connection.refusal = undefined;
    expect((await inTime(acquiring)).held).toBe(true);
  });
});

describe("a lock that is held", () => {
  test("renews itself", async () => {
    const { connection, locks } = program("a");
    const lock = await locks.acquire("l", { ttlMs });
    await clock.pass(10 * ttlMs);
    expect(lock.held).toBe(true);
    expect(await held()).toBe(lock.token);
    expect(connection.sent.length).toBeLessThan(33);
    await lock.release();
    await clock.pass(10 * ttlMs);
    expect(connection.sent.at(-1)).toBe("release");
  });

  test("is given up in time when nobody answers: before anybody else can have it", async () => {
    const { connection, locks } = program("a");
    const lock = await locks.acquire("l", { ttlMs });
    await clock.pass(20_000);
    connection.fate = () => "lost";
    const other = program("b").locks.acquire("l", { ttlMs });
    const abortedAt = new Promise<number>((resolve) => {
      lock.signal.addEventListener("abort", () => resolve(clock.monotonic()));
    });
    const next = await inTime(other);
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toMatchObject({
      code: "lost",
      message: `l (token 1) was lost: no renewal was confirmed in time`,
    });
    expect(await abortedAt).toBeLessThan(clock.monotonic());
    expect(next.token).toBeGreaterThan(lock.token);
    // Nobody is left to be told.
    await lock.release();
  });

  test("counts from before a renewal was sent, however late the answer", async () => {
    const { connection, locks } = program("a");
    const start = clock.monotonic();
    const lock = await locks.acquire("l", { ttlMs });
    connection.delays = () => [0, 5_000];
    // Asked at a third of the lease, and answered 5 s later; the one after that has no answer.
    await clock.pass(8_400);
    connection.fate = () => "lost";
    let lostAt = 0;
    lock.signal.addEventListener("abort", () => (lostAt = clock.monotonic()));
    await clock.pass(20_000);
    expect(Math.round(lostAt - start)).toBe(Math.round(ttlMs / 3 + 9_000));
  });

  test("survives renewals that fail for a while", async () => {
    const { connection, locks } = program("a");
    const lock = await locks.acquire("l", { ttlMs });
    await clock.pass(3_000);
    connection.refusal = new SubmitError("unknown", "unavailable", "no server can be reached");
    await clock.pass(5_000);
    connection.refusal = undefined;
    await clock.pass(20_000);
    expect(lock.held).toBe(true);
  });

  test("learns that a client with a clock ahead has ended it", async () => {
    const lock = await program("a").locks.acquire("l", { ttlMs });
    const ahead = new ManualClock();
    ahead.skewMs = 30_000;
    const other = await lockClient(cluster.connect(), { clock: ahead }).tryAcquire("l");
    expect(other?.token).toBeGreaterThan(lock.token);
    await clock.pass(ttlMs / 3);
    expect(lock.signal.reason).toMatchObject({
      message: "l (token 1) was lost: somebody else may have it by now",
    });
  });

  test("is not held after its process was stopped for long, before any timer has said so", async () => {
    const lock = await program("a").locks.acquire("l", { ttlMs });
    clock.jump(ttlMs);
    expect(lock.held).toBe(false);
    await clock.pass(0);
    expect(lock.signal.aborted).toBe(true);
  });

  test("is released at the end of a block, even if nobody answers", async () => {
    const { connection, locks } = program("a");
    let token = 0;
    const block = async () => {
      await using lock = await locks.acquire("l", { ttlMs });
      ({ token } = lock);
      connection.fate = () => "lost";
    };
    await inTime(block());
    expect(token).toBe(1);
    // Within the margin that the clocks are allowed.
    await clock.pass(ttlMs / 10);
    expect(await held()).toBeUndefined();
  });
});

test("a leader is seen by its value, and so are the changes", async () => {
  const seen: (Leader | undefined)[] = [];
  const abort = new AbortController();
  const { connection, locks } = program("watcher");
  const watching = (async () => {
    for await (const leader of locks.watch("l", { signal: abort.signal })) seen.push(leader);
  })();
  await clock.pass(1_000);
  const first = await program("a").locks.elect("l", "10.0.0.1:80", { ttlMs });
  await clock.pass(2_000);
  const second = program("b").locks.elect("l", "10.0.0.2:80", { ttlMs });
  await clock.pass(2_000);
  connection.refusal = new RequestError("unavailable", "nobody is there");
  await clock.pass(2_000);
  connection.refusal = undefined;
  await first.release();
  const { token } = await inTime(second);
  await clock.pass(20_000);
  abort.abort();
  await inTime(watching);
  const values = seen.map((leader) => leader?.value);
  expect([values[0], values[1], values.at(-1)]).toEqual([undefined, "10.0.0.1:80", "10.0.0.2:80"]);
  expect(await locks.leader("l")).toMatchObject({ value: "10.0.0.2:80", token });
});

test("whatever is lost or late, no two hold a lock at once as long as clocks go alike, and what is fenced never goes back", async () => {
  const fate = fc.constantFrom<Fate>("answered", "answered", "answered", "answered", "lost", "unanswered");
  const delay = fc.oneof(fc.constant(0), fc.nat(300), fc.nat(3_000));
  let tenures = 0;
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fate), fc.infiniteStream(delay), async (fates, delays) => {
      clock = new ManualClock();
      cluster = new FakeCluster(clock);
      const holding = new Set<Lock>();
      const register = new FencedRegister(0);
      const problems: string[] = [];
      const stop = new AbortController();
      const work = async (options: AcquireOptions) => {
        const { connection, locks } = program("w");
        connection.fate = () => fates.next().value as Fate;
        connection.delays = () => [delays.next().value as number, delays.next().value as number];
        while (!stop.signal.aborted) {
          const lock = await locks.acquire("l", options);
          const others = [...holding].filter((other) => other.held);
          if (others.length > 0) problems.push(`${others[0]?.token} is held, and so is ${lock.token}`);
          holding.add(lock);
          register.write(lock.token, 0);
          tenures++;
          await new Promise<void>((resolve) => void clock.after(delays.next().value as number, resolve));
          if (lock.held) register.write(lock.token, 1);
          await lock.release();
          holding.delete(lock);
        }
      };
      const options = { ttlMs: 4_000, signal: stop.signal };
      const workers = [1, 2, 3].map(() =>
        work(options).catch((error: unknown) => {
          if (error !== "the end") throw error;
        }),
      );
      await clock.pass(120_000);
      stop.abort("the end");
      let ended = false;
      void Promise.all(workers).then(() => (ended = true));
      while (!ended) await clock.pass(100);
      await Promise.all(workers);
      expect(problems).toEqual([]);
      await setImmediate();
    }),
    { numRuns: 8 },
  );
  expect(tenures).toBeGreaterThan(50);
});
