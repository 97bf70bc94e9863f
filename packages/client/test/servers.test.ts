// Which server an update goes to.
import { expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import { now, ScriptedClient } from "./scripted-client.js";
import type { Call } from "./scripted-transport.js";

const servers = ["a:1", "b:2", "c:3"];
const refused = new RequestError("unavailable", "connection refused");

/** A client whose servers have the node ids 10, 11 and 12, and say so when asked. */
async function withNodeIds(
  options: ConstructorParameters<typeof ScriptedClient>[0] = {},
): Promise<ScriptedClient> {
  const scripted = new ScriptedClient({ servers, ...options });
  servers.forEach((address, i) => scripted.transport.statuses.set(address, { nodeId: BigInt(10 + i) }));
  await scripted.register();
  return scripted;
}

/** Submits an update, answers it, and says where it went first. */
async function goesTo(
  scripted: ScriptedClient,
  answer: Parameters<Call["answer"]>[1] = {},
): Promise<string | undefined> {
  const end = scripted.submit("x");
  await scripted.time.pass(0);
  const [call] = scripted.take();
  call?.answer(9, answer);
  expect(await end).toMatchObject({ outcome: "ordered" });
  return call?.address;
}

test("any server at first; from a hint on the leader, until another is named", async () => {
  let random = 0;
  const scripted = await withNodeIds({ random: () => random });
  expect(await goesTo(scripted)).toBe("a:1");
  random = 0.9;
  expect(await goesTo(scripted, { leaderId: 11n })).toBe("c:3");
  expect(await goesTo(scripted)).toBe("b:2");
  expect(await goesTo(scripted, { leaderId: 10n })).toBe("b:2");
  expect(await goesTo(scripted)).toBe("a:1");
});

test("the status of the servers tells the leader as well, until an answer does", async () => {
  const scripted = new ScriptedClient({ servers });
  servers.forEach((address, i) =>
    scripted.transport.statuses.set(address, { nodeId: BigInt(10 + i), leaderId: 12n }),
  );
  await scripted.register();
  expect(await goesTo(scripted, { leaderId: 11n })).toBe("c:3");
  await scripted.client.status();
  expect(await goesTo(scripted)).toBe("b:2");
});

test("an update waits for nobody's status", async () => {
  const scripted = new ScriptedClient({ servers });
  await scripted.register();
  expect(scripted.transport.statusCalls.sort()).toEqual(servers);
  expect(await goesTo(scripted, { leaderId: 11n })).toBe("a:1");
  expect(scripted.time.now()).toBe(0);
});

test("a hint that names an unknown node makes the client ask who is who, ever more seldom", async () => {
  const scripted = new ScriptedClient({ servers });
  await scripted.register();
  await scripted.time.pass(5_000);
  servers.forEach((address, i) => scripted.transport.statuses.set(address, { nodeId: BigInt(10 + i) }));
  scripted.transport.statusCalls.splice(0);
  await goesTo(scripted, { leaderId: 11n });
  expect(scripted.transport.statusCalls.sort()).toEqual(servers);
  expect(await goesTo(scripted)).toBe("b:2");
  scripted.transport.statusCalls.splice(0);
  // Named in turns with one that is known, 600 times in 60 s.
  for (let i = 0; i < 300; i++) {
    await goesTo(scripted, { leaderId: 99n });
    await goesTo(scripted, { leaderId: 10n });
    await scripted.time.pass(200);
  }
  expect(scripted.transport.statusCalls.length / 3).toBeGreaterThan(3);
  expect(scripted.transport.statusCalls.length / 3).toBeLessThan(10);
});

test("a leader that fails is passed over for 1 s and until it answers; updates never wait for that", async () => {
  const scripted = await withNodeIds();
  await goesTo(scripted, { leaderId: 11n });
  scripted.transport.statuses.set("b:2", refused);
  scripted.transport.statusCalls.splice(0);
  const end = scripted.submit("x");
  await scripted.time.pass(0);
  const [call] = scripted.take();
  expect(call?.address).toBe("b:2");
  call?.fail("unavailable", "connection reset");
  await scripted.time.pass(0);
  scripted.take()[0]?.answer(9, { leaderId: 11n });
  await end;
  expect(await goesTo(scripted)).toBe("a:1");
  await scripted.time.pass(999);
  await goesTo(scripted);
  expect(scripted.transport.statusCalls).toEqual([]);
  for (let second = 1; second <= 3; second++) {
    await scripted.time.pass(1000);
    expect(await goesTo(scripted)).toBe("a:1");
    expect(scripted.transport.statusCalls).toEqual(Array.from({ length: second }, () => "b:2"));
  }
  scripted.transport.statuses.set("b:2", { nodeId: 11n });
  await scripted.time.pass(1000);
  expect(await goesTo(scripted)).toBe("a:1");
  expect(await goesTo(scripted)).toBe("b:2");
  expect(scripted.lines).toEqual([
    "server b:2: connection reset; trying elsewhere",
    "server b:2: answers again",
  ]);
});

test("when all have failed, they are tried all the same", async () => {
  const scripted = await withNodeIds();
  for (const address of servers) scripted.transport.statuses.set(address, refused);
  scripted.transport.onCall = (call) => call.fail("unavailable", "connection refused");
  const end = scripted.submit("x", { timeoutMs: 100 });
  await scripted.time.pass(100);
  expect(await end).toMatchObject({ code: "unavailable" });
  expect(new Set(scripted.take().map(({ address }) => address)).size).toBe(3);
  scripted.transport.onCall = (call) => call.answer(9);
  expect(await scripted.submit("y")).toMatchObject({ outcome: "ordered" });
  expect(scripted.lines.filter((line) => line.includes("refused")).sort()).toEqual(
    servers.map((address) => `server ${address}: connection refused; trying elsewhere`),
  );
});

test("one that does not answer an update, but later ones, has not failed", async () => {
  const scripted = await withNodeIds();
  await goesTo(scripted, { leaderId: 11n });
  const lost = scripted.submit("lost");
  await scripted.time.pass(1000);
  const [call] = scripted.take();
  expect(await goesTo(scripted)).toBe("b:2");
  await scripted.time.pass(1000);
  expect(call?.signal.aborted).toBe(true);
  expect(await now(lost)).toBe("open");
  scripted.take()[0]?.answer(9);
  await lost;
  expect(await goesTo(scripted)).toBe("b:2");
  expect(scripted.lines).toEqual([]);
});

test("a server behind whose address another node answers is known by its new id", async () => {
  const scripted = await withNodeIds();
  scripted.transport.statuses.set("b:2", { nodeId: 20n });
  await scripted.client.status();
  await goesTo(scripted, { leaderId: 20n });
  expect(await goesTo(scripted, { leaderId: 11n })).toBe("b:2");
  expect(await goesTo(scripted)).toBe("a:1");
});

test("a verbose logger is told every attempt", async () => {
  const scripted = await withNodeIds({ verbose: true });
  const end = scripted.submit("x");
  await scripted.time.pass(0);
  scripted.take()[0]?.fail("busy", "full");
  await scripted.time.pass(50);
  scripted.take()[0]?.answer(9, { duplicate: true, leaderId: 11n });
  await end;
  expect(scripted.lines).toEqual([
    "registration of client 1: attempt 1, to server a:1",
    "registration of client 1: ordered as seq 7",
    "update 1 of client 1: attempt 1, to server a:1",
    "update 1 of client 1: ordered as seq 8",
    "update 2 of client 1: attempt 1, to server a:1",
    "update 2 of client 1: server a:1: busy: full",
    "update 2 of client 1: attempt 2, to server a:1",
    "node 11 leads: server b:2",
    "update 2 of client 1: ordered as seq 9, by another attempt",
  ]);
});

test("after close nothing is asked in the background any more, and nothing said", async () => {
  const scripted = new ScriptedClient({ servers });
  await scripted.register();
  expect(scripted.time.timers).toBe(3);
  await scripted.client.close();
  await scripted.time.pass(10_000);
  expect(scripted.time.timers).toBe(0);
  expect(scripted.lines).toEqual([]);
});
