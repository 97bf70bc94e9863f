import { describe, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import { now, ScriptedClient } from "./scripted-client.js";

const rejected = { name: "SubmitError", outcome: "rejected" };
const unknown = { name: "SubmitError", outcome: "unknown" };

/** When each attempt was made, and where, relative to the first. */
async function attemptsOf(
  scripted: ScriptedClient,
  ms: number,
  react: (call: ReturnType<ScriptedClient["take"]>[number]) => void,
): Promise<[ms: number, address: string][]> {
  await scripted.register();
  const start = scripted.time.now();
  const made: [number, string][] = [];
  scripted.transport.onCall = (call) => {
    made.push([scripted.time.now() - start, call.address]);
    react(call);
  };
  void scripted.submit("x", { timeoutMs: Infinity });
  await scripted.time.pass(ms);
  return made;
}

test("a server that fails is followed by the next, and a pause only by all of them", async () => {
  const scripted = new ScriptedClient({ servers: ["a:1", "b:2", "c:3"] });
  const attempts = await attemptsOf(scripted, 3000, (call) => call.fail("unavailable"));
  const rounds = [0, 25, 75, 175, 375, 775, 1275, 1775, 2275, 2775];
  expect(attempts.map(([ms]) => ms)).toEqual(rounds.flatMap((ms) => [ms, ms, ms]));
  for (let i = 0; i < attempts.length; i += 3) {
    const round = attempts.slice(i, i + 3).map(([, address]) => address);
    expect(round.sort()).toEqual(["a:1", "b:2", "c:3"]);
  }
});

test("half of a pause is random", async () => {
  let random = 0;
  const scripted = new ScriptedClient({ random: () => (random = 1 - Number.EPSILON - random) });
  const attempts = await attemptsOf(scripted, 2000, (call) => call.fail("unavailable"));
  const pauses = attempts.slice(1).map(([ms], i) => ms - (attempts[i]?.[0] ?? 0));
  expect(
    pauses.every((pause, i) => pause >= Math.min(25 * 2 ** i, 500) && pause <= Math.min(50 * 2 ** i, 1000)),
  ).toBe(true);
  expect(new Set(pauses.slice(-2).map(Math.round)).size).toBe(2);
});

test("a server that does not answer is given 2 s, then 4, 8 and 16", async () => {
  const scripted = new ScriptedClient({ servers: ["a:1", "b:2"] });
  const attempts = await attemptsOf(scripted, 64_000, () => undefined);
  expect(attempts.map(([ms]) => Math.round(ms / 1000))).toEqual([0, 2, 6, 14, 30, 46, 62]);
  const calls = scripted.take();
  expect(calls.slice(0, -1).map(({ signal }) => (signal.reason as Error).name)).toEqual(
    Array.from({ length: 6 }, () => "TimeoutError"),
  );
  expect(new Set(calls.map(({ update }) => `${update.clientId}/${update.timestamp}`)).size).toBe(1);
});

test("an answer to an attempt that was given up is an answer; the other attempts are ended", async () => {
  const scripted = new ScriptedClient({ servers: ["a:1", "b:2"] });
  await scripted.register();
  const end = scripted.submit("x");
  await scripted.time.pass(2000);
  const [first, second] = scripted.take();
  first?.answer(9);
  expect(await end).toMatchObject({ outcome: "ordered", seq: 9 });
  expect(second?.signal.aborted).toBe(true);
  second?.answer(9);
  await scripted.time.pass(100_000);
  expect(scripted.take()).toEqual([]);
  expect(scripted.time.timers).toBe(0);
});

describe("busy", () => {
  test("the same server is asked again after a pause, and for busy alone the update is rejected in the end", async () => {
    const scripted = new ScriptedClient({ servers: ["a:1", "b:2", "c:3"], random: () => 0.5 });
    await scripted.register();
    scripted.transport.onCall = (call) => call.fail("busy", "too many updates are waiting");
    const end = scripted.submit("x", { timeoutMs: 1000 });
    await scripted.time.pass(1000);
    expect(await end).toMatchObject({
      ...rejected,
      code: "busy",
      message: expect.stringContaining("not ordered within 1 s: server b:2: too many updates are waiting"),
    });
    const calls = scripted.take();
    expect(new Set(calls.map(({ address }) => address))).toEqual(new Set(["b:2"]));
    expect(calls).toHaveLength(5);
  });

  test("after another attempt without an answer the outcome is unknown", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const end = scripted.submit("x", { timeoutMs: 1000 });
    await scripted.time.pass(0);
    scripted.take()[0]?.fail("unavailable");
    scripted.transport.onCall = (call) => call.fail("busy");
    await scripted.time.pass(1000);
    expect(await end).toMatchObject({ ...unknown, code: "busy" });
  });
});

describe.each(["too_large", "invalid"] as const)("%s", (code) => {
  test("is final, and rejected", async () => {
    const scripted = new ScriptedClient({ servers: ["a:1", "b:2"] });
    await scripted.register();
    const end = scripted.submit("x");
    await scripted.time.pass(0);
    scripted.take()[0]?.fail(code, "no good");
    expect(await end).toMatchObject({ ...rejected, code, message: expect.stringContaining("a:1: no good") });
    expect(((await end) as { cause?: unknown }).cause).toBeInstanceOf(RequestError);
    await scripted.time.pass(10_000);
    expect(scripted.take()).toEqual([]);
  });

  test("is final, and unknown after another attempt without an answer", async () => {
    const scripted = new ScriptedClient({ servers: ["a:1", "b:2"] });
    await scripted.register();
    const end = scripted.submit("x");
    await scripted.time.pass(0);
    scripted.take()[0]?.fail("unavailable");
    await scripted.time.pass(0);
    scripted.take()[0]?.fail(code);
    expect(await end).toMatchObject({ ...unknown, code });
  });
});

describe("deadlines", () => {
  test("the default is 30 s, an option of connect, or of submit", async () => {
    for (const [options, submitOptions, ms] of [
      [{}, {}, 30_000],
      [{ timeoutMs: 700 }, {}, 700],
      [{ timeoutMs: 700 }, { timeoutMs: 900 }, 900],
    ] as const) {
      const scripted = new ScriptedClient(options);
      await scripted.register();
      const end = scripted.submit("x", submitOptions);
      await scripted.time.pass(ms - 1);
      expect(await now(end)).toBe("open");
      await scripted.time.pass(1);
      expect(await end).toMatchObject({ ...unknown, code: "timed_out" });
      expect(scripted.take().at(-1)?.signal.aborted).toBe(true);
      // The servers' status is asked for in the background at first.
      await scripted.time.pass(2000);
      expect(scripted.time.timers).toBe(0);
    }
  });

  test("servers that cannot be reached make it unavailable, and unknown: a request may have got through", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    scripted.transport.onCall = (call) => call.fail("unavailable", "connection refused");
    const end = scripted.submit("x", { timeoutMs: 5000 });
    await scripted.time.pass(5000);
    expect(await end).toMatchObject({
      ...unknown,
      code: "unavailable",
      message:
        "not ordered within 5 s: server a:1: connection refused; the update may have been executed, or may yet be: find out before you submit it again",
    });
  });

  test("Infinity waits for as long as it takes", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    scripted.transport.onCall = (call) => call.fail("unavailable");
    const end = scripted.submit("x", { timeoutMs: Infinity });
    await scripted.time.pass(3_600_000);
    expect(await now(end)).toBe("open");
    scripted.transport.onCall = (call) => call.answer(9);
    await scripted.time.pass(1000);
    expect(await end).toMatchObject({ outcome: "ordered", seq: 9 });
  });
});

describe("a transport out of order", () => {
  test.each([
    ["throws instead of rejecting", "the transport failed: oh no"],
    ["rejects with something else", "the transport failed: oh no"],
    ["answers without a seq", "it answered without a seq"],
    ["gives up unasked", "no time"],
  ])("that %s is one that fails: tried again, and said", async (what, message) => {
    const scripted = new ScriptedClient();
    await scripted.register();
    scripted.transport.onCall = (call) => {
      if (what.startsWith("throws")) throw new TypeError("oh no");
      if (what.startsWith("rejects")) call.failWith(new TypeError("oh no"));
      else if (what.startsWith("answers")) call.answer(0);
      else call.fail("timed_out", "no time");
    };
    const end = scripted.submit("x", { timeoutMs: 1000 });
    await scripted.time.pass(500);
    expect(scripted.take().length).toBeGreaterThan(3);
    expect(scripted.lines).toEqual([`server a:1: ${message}; trying again`]);
    scripted.transport.onCall = (call) => call.answer(9);
    await scripted.time.pass(500);
    expect(await end).toMatchObject({ outcome: "ordered" });
  });
});
