// Servers that are learnt from the cluster.
import { expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import { recordOf, tell } from "./membership.js";
import { ScriptedClient } from "./scripted-client.js";

const down = new RequestError("unavailable", "connection refused");
const abc = recordOf(4n, ["a:1", "b:2", "c:3"]);
const bcd = recordOf(5n, ["b:2", "c:3", "d:4"]);
const def = recordOf(7n, ["d:4", "e:5", "f:6"]);

/** A client whose updates are answered by the servers that are up. */
function clientOf(options: ConstructorParameters<typeof ScriptedClient>[0] = {}): ScriptedClient {
  const scripted = new ScriptedClient({ servers: ["a:1"], ...options });
  scripted.transport.onCall = (call) => {
    if (scripted.transport.statuses.get(call.address) === down)
      call.fail("unavailable", "connection refused");
    else if (scripted.transport.statuses.has(call.address)) call.answer(9);
  };
  return scripted;
}

/** Where an update is answered. */
async function goesTo(scripted: ScriptedClient, timeoutMs = 10_000): Promise<string | undefined> {
  const end = scripted.submit("x", { timeoutMs });
  await scripted.time.pass(timeoutMs);
  const last = scripted.take().at(-1);
  return (await end).outcome === "ordered" ? last?.address : undefined;
}

test("the members of the cluster are learnt at the first contact, and used", async () => {
  const scripted = clientOf({ verbose: true });
  tell(scripted, ["a:1", "b:2", "c:3"], { record: abc, leader: "c:3", down });
  await goesTo(scripted);
  expect(scripted.transport.membersCalls).toEqual(["a:1"]);
  expect(await goesTo(scripted)).toBe("c:3");
  expect(scripted.lines).toContain("server c:3: is node 12 of the cluster");
  expect(scripted.lines.filter((line) => line.includes("again"))).toEqual([]);
});

test("they are not, when that is turned off", async () => {
  const scripted = clientOf({ discover: false });
  tell(scripted, ["a:1", "b:2", "c:3"], { record: abc, leader: "c:3", down });
  await goesTo(scripted);
  expect(await goesTo(scripted)).toBe("a:1");
  expect(scripted.transport.membersCalls).toEqual([]);
  expect(new Set(scripted.transport.statusCalls)).toEqual(new Set(["a:1"]));
});

test("all servers that were given may be replaced, while updates go on", async () => {
  const scripted = clientOf({ servers: ["a:1", "b:2", "c:3"] });
  tell(scripted, ["a:1", "b:2", "c:3"], { record: abc, leader: "a:1", down });
  expect(await goesTo(scripted)).toBe("a:1");
  tell(scripted, ["b:2", "c:3", "d:4"], { record: bcd, leader: "b:2", down });
  expect(await goesTo(scripted)).toBe("b:2");
  tell(scripted, ["d:4", "e:5", "f:6"], { record: def, leader: "e:5", down });
  expect(["d:4", "e:5", "f:6"]).toContain(await goesTo(scripted));
  expect(await goesTo(scripted)).toBe("e:5");
  // Those that were given are asked again all the same, the others that have left are not.
  tell(scripted, ["a:1"], { record: recordOf(8n, ["a:1"]), leader: "a:1", down });
  expect(await goesTo(scripted)).toBe("a:1");
  scripted.transport.statusCalls.splice(0);
  await goesTo(scripted);
  expect(scripted.transport.statusCalls).not.toContain("e:5");
});

test("a change that makes nothing fail is seen within 10 s of use", async () => {
  const scripted = clientOf();
  tell(scripted, ["a:1"], { record: recordOf(1n, ["a:1"]), leader: "a:1", down });
  for (let i = 0; i < 5; i++) await goesTo(scripted, 1_000);
  tell(scripted, ["a:1", "b:2"], { record: recordOf(2n, ["a:1", "b:2"]), leader: "a:1", down });
  for (let i = 0; i < 11; i++) await goesTo(scripted, 1_000);
  tell(scripted, ["b:2"], { record: recordOf(3n, ["b:2"]), leader: "b:2", down });
  expect(await goesTo(scripted)).toBe("b:2");
});

test("a server that has left is asked last", async () => {
  const scripted = clientOf({ servers: ["a:1", "b:2"], random: () => 0 });
  tell(scripted, ["a:1", "b:2", "c:3", "d:4"], { record: bcd, down });
  await goesTo(scripted);
  expect(await goesTo(scripted)).toBe("b:2");
  tell(scripted, ["a:1"], { record: bcd, down });
  expect(await goesTo(scripted)).toBe("a:1");
});

test("a learnt server that is not reached from here costs no update any time", async () => {
  const scripted = clientOf({ servers: ["a:9", "b:9"], random: () => 0.99 });
  tell(scripted, ["a:9", "b:9"], { record: abc, leader: "b:2", down });
  await goesTo(scripted);
  for (let i = 0; i < 20; i++) expect(await goesTo(scripted, 500)).toBe("b:9");
  expect(scripted.lines).toEqual([]);
});

test("another cluster at one of the addresses teaches nothing", async () => {
  const scripted = clientOf({ servers: ["a:1", "b:2"] });
  tell(scripted, ["a:1"], { record: abc, leader: "a:1", down });
  await goesTo(scripted);
  scripted.transport.statuses.set("c:3", down);
  const foreign = { nodeId: 11n, epochRecord: recordOf(99n, ["x:1", "y:1"]) };
  scripted.transport.statuses.set("b:2", foreign);
  scripted.transport.memberships.set("b:2", { ...foreign, clusterId: Uint8Array.of(2) });
  await scripted.client.status();
  await goesTo(scripted);
  expect(scripted.transport.membersCalls).toContain("b:2");
  expect([...scripted.transport.statusCalls, ...scripted.transport.membersCalls]).not.toContain("x:1");
});

test("while servers fail, the others are asked for the members once a second at most", async () => {
  const scripted = clientOf({ servers: ["a:1", "b:2", "c:3"], random: () => 0 });
  tell(scripted, ["a:1", "b:2", "c:3"], { record: abc, down });
  await goesTo(scripted);
  scripted.transport.statusCalls.splice(0);
  scripted.transport.onCall = (call) => call.fail("unavailable", "this node is closing");
  const end = scripted.submit("x", { timeoutMs: 20_000 });
  await scripted.time.pass(20_000);
  expect(await end).toMatchObject({ code: "unavailable" });
  expect(scripted.transport.statusCalls.length).toBeLessThan(3 * 45);
});

test("status is that of the members too", async () => {
  const scripted = clientOf({ servers: ["a:1", "x:1"] });
  tell(scripted, ["a:1", "b:2"], { record: abc, leader: "a:1", down });
  scripted.transport.statuses.set("x:1", down);
  scripted.transport.statuses.set("c:3", down);
  expect(await scripted.client.status()).toMatchObject([
    { address: "a:1", status: { nodeId: 10n } },
    { address: "x:1", error: down },
    { address: "b:2", status: { nodeId: 11n } },
    { address: "c:3", error: down },
  ]);
  expect(scripted.time.timers).toBe(0);
});

test("addresses that are none are left out", async () => {
  const scripted = clientOf();
  tell(scripted, ["a:1"], { record: recordOf(1n, ["a:1", "", "b"]), leader: "a:1", down });
  expect(await scripted.client.status()).toHaveLength(1);
});
