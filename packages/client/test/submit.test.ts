import { describe, expect, test } from "@jest/globals";
import { connect, SubmitError } from "../src/index.js";
import { bytes, now, ScriptedClient } from "./scripted-client.js";
import { ScriptedTransport } from "./scripted-transport.js";

const rejected = { name: "SubmitError", outcome: "rejected" };
const unknown = { name: "SubmitError", outcome: "unknown" };

test("updates are sent under a registered session and resolve with seq and result", async () => {
  const transport = new ScriptedTransport();
  let seq = 6;
  transport.onCall = (call) => call.answer(++seq, { result: call.update.update });
  const client = connect({ servers: ["a:1"], transport });
  const ordered = await Promise.all(["x", "y", "z"].map((text) => client.submit(bytes(text))));
  expect(ordered).toEqual([
    { outcome: "ordered", seq: 8, result: bytes("x") },
    { outcome: "ordered", seq: 9, result: bytes("y") },
    { outcome: "ordered", seq: 10, result: bytes("z") },
  ]);
  expect(transport.calls.map(({ update }) => [update.kind, update.session, update.timestamp])).toEqual([
    [1, 0n, 0n],
    [0, 7n, 1n],
    [0, 7n, 2n],
    [0, 7n, 3n],
  ]);
  const ids = new Set(transport.calls.map(({ update }) => update.clientId));
  expect([...ids]).toEqual([expect.any(BigInt)]);
  expect(ids).not.toContain(0n);
  await client.close();
});

describe("the window", () => {
  test("1,024 updates are under way at most; answered_up_to is where all before are settled", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const submitted = Array.from({ length: 1100 }, (_, i) => scripted.submit(`${i}`));
    await scripted.time.pass(0);
    const first = scripted.take();
    expect(first).toHaveLength(1024);
    expect(first.at(-1)?.update).toMatchObject({ timestamp: 1025n, answeredUpTo: 1n });
    // All but the first: nothing can be said of those above it.
    for (const call of first.slice(1)) call.answer(Number(call.update.timestamp) + 100);
    await scripted.time.pass(0);
    expect(scripted.take()).toEqual([]);
    first[0]?.answer(102);
    await scripted.time.pass(0);
    const rest = scripted.take();
    expect(rest.map(({ text }) => text)).toEqual(Array.from({ length: 76 }, (_, i) => `${1024 + i}`));
    expect(rest.map(({ update }) => update.answeredUpTo)).toEqual(rest.map(() => 1025n));
    for (const call of rest) call.answer(Number(call.update.timestamp) + 100);
    const seqs = (await Promise.all(submitted)).map((end) => (end.outcome === "ordered" ? end.seq : end));
    expect(seqs).toEqual(Array.from({ length: 1100 }, (_, i) => i + 102));
  });

  test("an update that is given up counts as settled: it is not sent again", async () => {
    const scripted = new ScriptedClient({ sessionWindow: 2 });
    await scripted.register();
    const givenUp = scripted.submit("given up", { timeoutMs: 100 });
    await scripted.time.pass(100);
    expect(await givenUp).toMatchObject({ ...unknown, code: "timed_out" });
    void scripted.submit("next");
    await scripted.time.pass(0);
    expect(scripted.take().at(-1)?.update).toMatchObject({ timestamp: 3n, answeredUpTo: 2n });
  });

  test("what waits for the window has its own deadline, and is rejected: it was never sent", async () => {
    const scripted = new ScriptedClient({ sessionWindow: 1 });
    await scripted.register();
    void scripted.submit("first");
    const waiting = scripted.submit("waiting", { timeoutMs: 500 });
    const behind = scripted.submit("behind");
    await scripted.time.pass(499);
    expect(await now(waiting)).toBe("open");
    await scripted.time.pass(1);
    expect(await waiting).toMatchObject({
      ...rejected,
      code: "timed_out",
      message:
        "not sent within 0.5 s: 1 updates sent before it have no answer yet; the update was not executed and will not be",
    });
    const [first] = scripted.take();
    first?.answer(9);
    await scripted.time.pass(0);
    expect(scripted.take().map(({ text }) => text)).toEqual(["behind"]);
    expect(await now(behind)).toBe("open");
  });

  test("above maxWaiting an update is rejected as busy at once", async () => {
    const scripted = new ScriptedClient({ sessionWindow: 1, maxWaiting: 2 });
    await scripted.register();
    for (const text of ["sent", "waits", "waits too"]) void scripted.submit(text);
    expect(await scripted.submit("one too many")).toMatchObject({
      ...rejected,
      code: "busy",
      message: expect.stringContaining(
        "2 updates wait to be sent (maxWaiting): wait until some are answered",
      ),
    });
  });
});

describe("registration", () => {
  test("nothing is sent before the first update; those that come meanwhile share one registration", async () => {
    const scripted = new ScriptedClient();
    await scripted.time.pass(60_000);
    expect(scripted.take()).toEqual([]);
    expect(scripted.transport.statusCalls).toEqual([]);
    for (const text of ["x", "y"]) void scripted.submit(text);
    await scripted.time.pass(1000);
    const calls = scripted.take();
    expect(calls.map(({ isRegistration }) => isRegistration)).toEqual([true]);
    expect(calls[0]?.update).toMatchObject({
      clientId: 1n,
      timestamp: 0n,
      session: 0n,
      update: new Uint8Array(),
    });
    calls[0]?.answer(7);
    await scripted.time.pass(0);
    expect(scripted.take().map(({ text }) => text)).toEqual(["x", "y"]);
  });

  test("it is tried again under the same identity, and counts against the deadlines of those who wait", async () => {
    const scripted = new ScriptedClient({ servers: ["a:1", "b:2"] });
    const soon = scripted.submit("soon", { timeoutMs: 1000 });
    const later = scripted.submit("later", { timeoutMs: 10_000 });
    await scripted.time.pass(0);
    const [first] = scripted.take();
    first?.fail("unavailable", "no connection");
    await scripted.time.pass(999);
    expect(await now(soon)).toBe("open");
    await scripted.time.pass(1);
    expect(await soon).toMatchObject({
      ...rejected,
      code: "unavailable",
      message: expect.stringContaining(
        "not sent within 1 s: the client could not be registered: server a:1: no connection",
      ),
    });
    const [second] = scripted.take();
    expect(second?.update).toEqual(first?.update);
    expect(second?.address).toBe("b:2");
    second?.answer(3, { duplicate: true });
    await scripted.time.pass(0);
    scripted.take()[0]?.answer(4);
    expect(await later).toMatchObject({ outcome: "ordered", seq: 4 });
  });

  test("it ends when nobody waits for it any more, and goes on under the same id with the next update", async () => {
    const scripted = new ScriptedClient();
    const first = scripted.submit("first", { timeoutMs: 100 });
    await scripted.time.pass(100);
    expect(await first).toMatchObject({ ...rejected, code: "timed_out" });
    const [given] = scripted.take();
    expect(given?.signal.aborted).toBe(true);
    await scripted.time.pass(100_000);
    expect(scripted.take()).toEqual([]);
    void scripted.submit("second");
    await scripted.time.pass(0);
    expect(scripted.take()[0]?.update).toEqual(given?.update);
  });

  test("servers that find it invalid are believed; the next update asks again", async () => {
    const scripted = new ScriptedClient();
    const waiting = [scripted.submit("x"), scripted.submit("y")];
    await scripted.time.pass(0);
    scripted.take()[0]?.fail("invalid", "unknown kind");
    for (const end of await Promise.all(waiting)) {
      expect(end).toMatchObject({
        ...rejected,
        code: "invalid",
        message: expect.stringContaining("the client was not registered: server a:1: unknown kind"),
      });
    }
    await scripted.time.pass(0);
    expect(scripted.take()).toEqual([]);
    void scripted.submit("z");
    await scripted.time.pass(0);
    expect(scripted.take().map(({ isRegistration }) => isRegistration)).toEqual([true]);
  });
});

describe("a forgotten session", () => {
  test("an update whose only attempt it was is sent again under a new one, unseen by its caller", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const ends = ["x", "y", "z"].map((text) => scripted.submit(text));
    await scripted.time.pass(0);
    for (const call of scripted.take()) call.fail("expired", "forgotten");
    await scripted.time.pass(0);
    const registrations = scripted.take();
    expect(registrations.map(({ update, isRegistration }) => [isRegistration, update.clientId])).toEqual([
      [true, 2n],
    ]);
    registrations[0]?.answer(50);
    await scripted.time.pass(0);
    const again = scripted.take();
    expect(again.map(({ text }) => text).sort()).toEqual(["x", "y", "z"]);
    expect(again.map(({ update }) => [update.clientId, update.session, update.timestamp])).toEqual([
      [2n, 50n, 1n],
      [2n, 50n, 2n],
      [2n, 50n, 3n],
    ]);
    for (const call of again) call.answer(60);
    for (const end of await Promise.all(ends)) expect(end).toMatchObject({ outcome: "ordered", seq: 60 });
  });

  test.each(["unavailable", "busy"] as const)(
    "with an earlier attempt that ended %s the outcome is unknown; later updates use the new session",
    async (code) => {
      const scripted = new ScriptedClient();
      await scripted.register();
      const end = scripted.submit("x");
      await scripted.time.pass(0);
      scripted.take()[0]?.fail(code);
      await scripted.time.pass(50);
      scripted.take()[0]?.fail("expired", "forgotten");
      expect(await end).toMatchObject({
        ...unknown,
        code: "expired",
        message: expect.stringContaining("forgotten the session of the update, which was sent 2 times"),
      });
      expect(scripted.take()).toEqual([]);
      void scripted.submit("y");
      await scripted.time.pass(0);
      const [registration] = scripted.take();
      expect(registration?.update).toMatchObject({ kind: 1, clientId: 2n });
      registration?.answer(50);
      await scripted.time.pass(0);
      expect(scripted.take()[0]?.update).toMatchObject({ clientId: 2n, session: 50n, timestamp: 1n });
    },
  );

  test("answers to updates of the old session still count", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const [slow] = [scripted.submit("slow"), scripted.submit("expires")];
    await scripted.time.pass(0);
    const [first, second] = scripted.take();
    second?.fail("expired");
    await scripted.time.pass(0);
    scripted.take()[0]?.answer(50);
    await scripted.time.pass(0);
    first?.answer(40);
    expect(await slow).toMatchObject({ outcome: "ordered", seq: 40 });
  });

  test("a cluster that forgets everything at once is not asked ever faster", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    scripted.transport.onCall = (call) => (call.isRegistration ? call.answer(50) : call.fail("expired"));
    const end = scripted.submit("x", { timeoutMs: 10_000 });
    await scripted.time.pass(10_000);
    expect(await end).toMatchObject({ ...rejected, code: "timed_out" });
    // 25, 50, 100, 200, 400 ms, then every 500 ms.
    const registrations = scripted.take().filter(({ isRegistration }) => isRegistration).length;
    expect(registrations).toBeGreaterThan(10);
    expect(registrations).toBeLessThan(30);
  });
});

describe("arguments", () => {
  test.each([
    ["an update must be a Uint8Array", "text" as unknown as Uint8Array, {}],
    ["timeoutMs is 0; it must be Infinity or a whole number", bytes("x"), { timeoutMs: 0 }],
    ["timeoutMs is NaN; it must be Infinity or a whole number", bytes("x"), { timeoutMs: NaN }],
    ["timeoutMs is 2147483648; it must be Infinity or a whole number", bytes("x"), { timeoutMs: 2 ** 31 }],
  ])("%s", async (message, update, options) => {
    const { client, transport } = new ScriptedClient();
    const end = client.submit(update, options).catch((error: unknown) => error);
    expect(await end).toMatchObject({
      ...rejected,
      code: "invalid",
      message: expect.stringContaining(message),
    });
    expect(transport.calls).toEqual([]);
  });
});

describe("signals", () => {
  test("one that is aborted already rejects at once, and nothing is sent", async () => {
    const scripted = new ScriptedClient();
    const end = scripted.submit("x", { signal: AbortSignal.abort() });
    expect(await end).toMatchObject({ ...rejected, code: "cancelled" });
    await scripted.time.pass(1000);
    expect(scripted.take()).toEqual([]);
  });

  test("one aborted on the way leaves the outcome unknown, and ends the attempt", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const controller = new AbortController();
    const end = scripted.submit("x", { signal: controller.signal, timeoutMs: Infinity });
    await scripted.time.pass(60_000);
    expect(await now(end)).toBe("open");
    controller.abort("enough");
    expect(await end).toMatchObject({ ...unknown, code: "cancelled", cause: "enough" });
    expect(scripted.take().every(({ signal }) => signal.aborted)).toBe(true);
    expect(scripted.time.timers).toBe(0);
  });

  test("one of AbortSignal.timeout is timed out, not cancelled", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const end = scripted.submit("x", { signal: AbortSignal.timeout(1) });
    expect(await end).toMatchObject({ ...unknown, code: "timed_out" });
  });

  test("one for very many: what waits is not sent for the places that become free", async () => {
    const scripted = new ScriptedClient();
    await scripted.register();
    const controller = new AbortController();
    const ends = Array.from({ length: 5000 }, (_, i) =>
      scripted.submit(`${i}`, { signal: controller.signal }),
    );
    await scripted.time.pass(0);
    controller.abort();
    const outcomes = (await Promise.all(ends)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === "unknown")).toHaveLength(1024);
    expect(outcomes.slice(1024)).toEqual(outcomes.slice(1024).map(() => "rejected"));
    expect(scripted.take()).toHaveLength(1024);
    // The servers' status is asked for in the background at first.
    await scripted.time.pass(2000);
    expect(scripted.time.timers).toBe(0);
  });
});

describe("close", () => {
  test("open updates reject as what they are; later ones are rejected; the transport is closed once", async () => {
    const scripted = new ScriptedClient({ sessionWindow: 1 });
    await scripted.register();
    const ends = [scripted.submit("sent"), scripted.submit("waiting")];
    await scripted.time.pass(0);
    await Promise.all([scripted.client.close(), scripted.client.close()]);
    expect(await ends[0]).toMatchObject({ ...unknown, code: "cancelled" });
    expect(await ends[1]).toMatchObject({ ...rejected, code: "cancelled" });
    expect(await scripted.submit("late")).toMatchObject({
      ...rejected,
      code: "cancelled",
      message: expect.stringContaining("the client is closed: connect anew"),
    });
    expect(scripted.take().map(({ text, signal }) => [text, signal.aborted])).toEqual([["sent", true]]);
    expect(scripted.transport.closed).toBe(1);
    expect(scripted.time.timers).toBe(0);
  });

  test("while the client is being registered, and before anything was asked for", async () => {
    const registering = new ScriptedClient();
    const end = registering.submit("x");
    await registering.client.close();
    expect(await end).toMatchObject({ ...rejected, code: "cancelled" });
    await registering.time.pass(60_000);
    expect(registering.take().map(({ isRegistration }) => isRegistration)).toEqual([true]);
    expect(registering.time.timers).toBe(0);
    const idle = new ScriptedClient();
    await idle.client[Symbol.asyncDispose]();
    expect(idle.transport.closed).toBe(1);
  });
});

test("an error says what, where, and what is certain", () => {
  const cause = new Error("why");
  const error = new SubmitError("unknown", "timed_out", "no answer", { cause });
  expect(error).toMatchObject({
    name: "SubmitError",
    message:
      "no answer; the update may have been executed, or may yet be: find out before you submit it again",
    cause,
  });
  expect(error).toBeInstanceOf(Error);
});
