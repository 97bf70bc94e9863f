// Who belongs to the cluster, and what is asked of its leader.
import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import { recordOf, tell } from "./membership.js";
import { now, ScriptedClient } from "./scripted-client.js";
import type { LeaderCall } from "./scripted-transport.js";

const servers = ["a:1", "b:2", "c:3"];
const down = new RequestError("unavailable", "connection refused");
const record = recordOf(4n, servers);

let scripted: ScriptedClient;
beforeEach(() => {
  scripted = new ScriptedClient({ servers });
  tell(scripted, servers, { record, leader: "b:2", down });
});

/** The request that has been made of a leader since, at the address where it is expected. */
async function asked(address: string, afterMs = 1_000): Promise<LeaderCall> {
  await scripted.time.pass(afterMs);
  const calls = scripted.transport.leaderCalls.splice(0);
  expect(calls.map((call) => call.address)).toEqual([address]);
  return calls[0] as LeaderCall;
}

const promote = { type: { case: "promote", value: 12n } } as const;

describe("members", () => {
  test("are those that the leader names, as soon as it has answered", async () => {
    scripted.transport.memberships.delete("c:3");
    expect(await scripted.client.members()).toMatchObject({
      nodeId: 11n,
      leaderId: 11n,
      epochRecord: record,
    });
    expect(scripted.transport.membersCalls).toEqual(servers);
    await scripted.time.pass(0);
    expect(scripted.time.timers).toBe(0);
  });

  test("or those of the latest epoch, of a server that knows a leader, within 2 s", async () => {
    const { memberships } = scripted.transport;
    memberships.delete("b:2");
    const newer = recordOf(5n, servers);
    memberships.set("a:1", { nodeId: 10n, epochRecord: newer, clusterId: Uint8Array.of(1) });
    const asking = scripted.client.members();
    await scripted.time.pass(1_999);
    expect(await now(asking)).toBe("open");
    await scripted.time.pass(1);
    expect(await asking).toMatchObject({ nodeId: 10n, epochRecord: newer });
    memberships.set("c:3", { nodeId: 12n, leaderId: 11n, epochRecord: newer });
    const again = scripted.client.members();
    await scripted.time.pass(2_000);
    expect(await again).toMatchObject({ nodeId: 12n, leaderId: 11n });
  });

  test("a leader of an epoch that is known to be over is not believed at once", async () => {
    await scripted.client.members();
    scripted.transport.memberships.set("a:1", {
      nodeId: 10n,
      leaderId: 10n,
      epochRecord: recordOf(3n, servers),
    });
    expect(await scripted.client.members()).toMatchObject({ nodeId: 11n });
  });

  test("are asked for in vain when nobody answers, when the signal ends it, and after close", async () => {
    tell(scripted, [], { record, down });
    await expect(scripted.client.members()).rejects.toMatchObject({
      code: "unavailable",
      message:
        "no server answers: server a:1: connection refused; server b:2: connection refused; server c:3: connection refused",
    });
    scripted.transport.memberships.clear();
    const controller = new AbortController();
    const asking = scripted.client.members({ signal: controller.signal });
    controller.abort();
    await expect(asking).rejects.toMatchObject({ code: "cancelled" });
    await scripted.client.close();
    await expect(scripted.client.members()).rejects.toMatchObject({ code: "cancelled" });
    expect(scripted.time.timers).toBe(0);
  });
});

describe("changeMembership", () => {
  test("is asked of the leader, with an id", async () => {
    const changing = scripted.client.changeMembership({ ...promote, force: true });
    const { change, answer } = await asked("b:2");
    expect(change).toMatchObject({ ...promote, force: true });
    expect(change?.changeId).toBeGreaterThan(0n);
    expect(change?.epoch).toBeUndefined();
    answer({ epochRecord: recordOf(5n, servers) });
    expect(await changing).toMatchObject({ epochRecord: { epoch: 5n } });
    expect(scripted.time.timers).toBe(0);
  });

  test("keeps the id that it is given", async () => {
    void scripted.client.changeMembership({ ...promote, changeId: 77n, epoch: 4n });
    expect((await asked("b:2")).change).toMatchObject({ changeId: 77n, epoch: 4n });
  });

  test("the leader may be one that only the others know", async () => {
    scripted = new ScriptedClient({ servers: ["a:1"], discover: false });
    tell(scripted, ["a:1"], { record, leader: "b:2", down });
    void scripted.client.changeMembership(promote);
    await asked("b:2");
    expect(scripted.transport.membersCalls).toEqual(["a:1"]);
  });

  test("a leader that answers is asked where it has answered, whatever address the others know", async () => {
    scripted = new ScriptedClient({ servers: ["b:9"] });
    tell(scripted, ["b:9"], { record, leader: "b:2", down });
    void scripted.client.changeMembership(promote);
    expect((await asked("b:9")).change).toMatchObject(promote);
  });

  test("waits for a leader", async () => {
    tell(scripted, servers, { record, down });
    const changing = scripted.client.changeMembership(promote);
    await scripted.time.pass(10_000);
    expect(scripted.transport.leaderCalls).toEqual([]);
    expect(scripted.transport.membersCalls.length / 3).toBeLessThan(25);
    tell(scripted, servers, { record, leader: "c:3", down });
    (await asked("c:3")).answer({ epochRecord: record });
    await changing;
  });

  test("follows a leader that has moved", async () => {
    const changing = scripted.client.changeMembership(promote);
    const first = await asked("b:2");
    tell(scripted, servers, { record, leader: "c:3", down });
    first.fail("not_leader");
    const second = await asked("c:3");
    expect(second.change).toEqual(first.change);
    second.answer({ epochRecord: record });
    await changing;
  });

  test("is the same change, of the same epoch, when the leader is lost in the middle of it", async () => {
    const changing = scripted.client.changeMembership(promote);
    const first = await asked("b:2", 0);
    tell(scripted, ["a:1", "c:3"], { record, down });
    first.fail("unavailable", "connection lost");
    await scripted.time.pass(3_000);
    tell(scripted, ["a:1", "c:3"], { record, leader: "a:1", down });
    const second = await asked("a:1");
    expect(second.change).toEqual({ ...first.change, epoch: 4n });
    // Made by the first attempt: the core says so at once.
    second.answer({ epochRecord: recordOf(5n, servers) });
    expect(await changing).toMatchObject({ epochRecord: { epoch: 5n } });
  });

  test("is done when the members show it", async () => {
    const changing = scripted.client.changeMembership({ ...promote, changeId: 77n });
    const first = await asked("b:2", 0);
    tell(scripted, servers, { record: recordOf(5n, servers, { changeId: 77n }), leader: "a:1", down });
    first.fail("unavailable");
    await scripted.time.pass(1_000);
    expect(await changing).toMatchObject({ epochRecord: { epoch: 5n, changeId: 77n } });
    expect(scripted.transport.leaderCalls).toEqual([]);
  });

  test.each(["refused", "invalid"] as const)("%s is the end of it, and nothing has changed", async (code) => {
    const changing = scripted.client.changeMembership(promote);
    (await asked("b:2")).fail(code, "node 12 is no learner");
    await expect(changing).rejects.toMatchObject({ code, message: "node 12 is no learner" });
    expect(scripted.time.timers).toBe(0);
  });

  test("a refusal after an attempt without an answer may be about that: it is asked again for 5 s", async () => {
    const changing = scripted.client.changeMembership(promote);
    scripted.transport.leaderCalls.splice(0);
    (await asked("b:2", 0)).fail("unavailable");
    const since = scripted.time.now();
    const refuse = async (): Promise<void> => {
      await scripted.time.pass(100);
      for (const call of scripted.transport.leaderCalls.splice(0)) call.fail("refused", "under way");
    };
    while ((await now(changing.catch(() => "rejected"))) === "open") await refuse();
    expect(scripted.time.now() - since).toBeGreaterThan(4_900);
    expect(scripted.time.now() - since).toBeLessThan(7_000);
    await expect(changing).rejects.toMatchObject({
      code: "unavailable",
      message:
        "under way; the change may or may not have been made, by an attempt that had no answer: look at the members",
    });
  });

  test("with no leader until the end, nothing has changed", async () => {
    tell(scripted, servers, { record, down });
    const controller = new AbortController();
    const changing = scripted.client.changeMembership(promote, { signal: controller.signal });
    await scripted.time.pass(3_000);
    controller.abort(new DOMException("too late", "TimeoutError"));
    await expect(changing).rejects.toMatchObject({
      code: "not_leader",
      message: "no leader was found until the end: the servers know no leader; the change was not made",
    });
    expect(scripted.time.timers).toBe(0);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  test("without an answer until the end, it may have been made", async () => {
    const controller = new AbortController();
    const changing = scripted.client.changeMembership(promote, { signal: controller.signal });
    await asked("b:2");
    controller.abort(new DOMException("too late", "TimeoutError"));
    await expect(changing).rejects.toMatchObject({
      code: "timed_out",
      message: expect.stringContaining("the change may or may not have been made"),
    });
    expect(scripted.time.timers).toBe(0);
  });

  test("close ends it", async () => {
    const changing = scripted.client.changeMembership(promote);
    tell(scripted, servers, { record, down });
    await scripted.client.close();
    await expect(changing).rejects.toMatchObject({ code: "cancelled" });
    expect(scripted.time.timers).toBe(0);
  });
});

describe("transferLeadership", () => {
  test("is asked of the leader, which says who leads now", async () => {
    const handing = scripted.client.transferLeadership(12n);
    const { to, answer } = await asked("b:2");
    expect(to).toBe(12n);
    answer(12n);
    expect(await handing).toEqual({ from: 11n, to: 12n });
  });

  test("refused is the end of it", async () => {
    const handing = scripted.client.transferLeadership();
    (await asked("b:2")).fail("refused", "no other voter is up and level");
    await expect(handing).rejects.toMatchObject({ code: "refused" });
  });

  test("without an answer it is done when another leads, and not handed on", async () => {
    const handing = scripted.client.transferLeadership();
    const first = await asked("b:2");
    tell(scripted, servers, { record, leader: "a:1", down });
    first.fail("unavailable");
    await scripted.time.pass(1_000);
    expect(await handing).toEqual({ from: 11n, to: 10n });
    expect(scripted.transport.leaderCalls).toEqual([]);
  });

  test("without an answer it is asked of whoever leads now, if that is not the one that was to", async () => {
    const handing = scripted.client.transferLeadership(12n);
    const first = await asked("b:2");
    tell(scripted, servers, { record, leader: "a:1", down });
    first.fail("unavailable");
    (await asked("a:1")).answer(12n);
    expect(await handing).toEqual({ from: 11n, to: 12n });
  });
});
