// Saves, sends and applies overlap; what must wait for a save, and nothing else, waits for it.
import { expect, test } from "@jest/globals";
import type { Message } from "@paxos/proto";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes } from "./recording-machine.js";
import { turns } from "./until.js";

test("updates that come while a save is under way share the next one", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica, storage } = cluster.member(0);
  storage.hold();
  const first = replica.submit(bytes("first"));
  await turns();
  expect(storage.underWay).toBe(1);
  const before = storage.begun.length;

  const others: Promise<unknown>[] = [];
  for (let i = 0; i < 100; i++) {
    others.push(replica.submit(bytes(`${i}`)));
    if (i % 10 === 0) await turns(3);
  }
  expect(storage.begun).toHaveLength(before);
  storage.release();
  await Promise.all([first, ...others]);
  expect(storage.begun).toHaveLength(before + 1);
  const saved = storage.begun.at(-1)?.runs.flatMap(({ proposal }) => proposal?.updates ?? []);
  expect(saved).toHaveLength(100);
});

test("updates of one turn of the event loop share a proposal and a save", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader] = await cluster.roles();
  const { replica, storage } = cluster.member(leader);
  const before = storage.begun.length;
  const proposals: Message[] = [];
  cluster.hub.onSend = (message) => {
    if (message.type.case === "proposal") proposals.push(message);
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => replica.submit(bytes(`${i}`))));
  // One for each peer.
  expect(proposals).toHaveLength(2);
  expect(storage.begun).toHaveLength(before + 1);
});

test("a leader's proposal does not wait for its own save, and a quorum of others is enough to be answered", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader] = await cluster.roles();
  const { replica, storage } = cluster.member(leader);
  storage.hold();
  await replica.submit(bytes("one"));
  await replica.submit(bytes("two"));
  expect(storage.underWay).toBe(1);
});

test("a follower applies what is ordered while its own save is under way", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  const { storage, machine } = cluster.member(follower);
  storage.hold();
  await cluster.member(leader).replica.submit(bytes("one"));
  await turns();
  expect(storage.underWay).toBe(1);
  expect(machine.applied).toEqual(["one"]);
});

test("an acceptance is sent only when its save is durable", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1, other = -1] = await cluster.roles();
  cluster.hub.cut(leader, other);
  const { storage } = cluster.member(follower);
  const kinds: (string | undefined)[] = [];
  cluster.hub.onSend = ({ from, type }) => {
    if (from === BigInt(follower)) kinds.push(type.case);
  };
  storage.hold();
  let answered = false;
  const submitted = cluster
    .member(leader)
    .replica.submit(bytes("one"))
    .then(() => (answered = true));
  await turns();
  expect(storage.underWay).toBe(1);
  expect(kinds).not.toContain("accept");
  expect(answered).toBe(false);
  storage.release();
  await submitted;
  expect(kinds).toContain("accept");
});

test("through elections and updates, no message of a save leaves before that save is durable", async () => {
  await using cluster = await MemoryCluster.start(3);
  const early: (string | undefined)[] = [];
  const promises = new Set<string>();
  cluster.hub.onSend = (message) => {
    const { storage } = cluster.member(Number(message.from));
    for (const save of storage.begun) {
      if (!save.messages.includes(message)) continue;
      promises.add(String(message.type.case));
      if (!storage.done.has(save)) early.push(message.type.case);
    }
  };
  const submitted = Array.from({ length: 40 }, (_, i) => cluster.member(i % 3).replica.submit(bytes(`${i}`)));
  await Promise.all(submitted);
  const [leader, a = -1, b = -1] = await cluster.roles();
  cluster.hub.cut(leader, a);
  cluster.hub.cut(leader, b);
  await cluster.until(
    () => cluster.member(a).replica.status().view > cluster.member(leader).replica.status().view,
    "view",
  );
  cluster.hub.heal();
  await cluster.elect();
  expect(early).toEqual([]);
  expect([...promises]).toEqual(expect.arrayContaining(["accept", "prepareOk"]));
});

test("a reader of old updates does not hold up new ones", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1, laggard = -1] = await cluster.roles();
  cluster.hub.cut(leader, laggard);
  cluster.hub.cut(follower, laggard);
  await cluster.member(leader).replica.submit(bytes("missed"));
  const { storage } = cluster.member(follower);
  let answer: () => void = () => undefined;
  const open = new Promise<void>((resolve) => (answer = resolve));
  let asked = 0;
  const read = storage.read.bind(storage);
  storage.read = async (...range) => {
    asked++;
    await open;
    return await read(...range);
  };
  cluster.hub.heal();
  await cluster.until(() => asked > 0, "the laggard asks");
  await cluster.member(follower).replica.submit(bytes("new"));
  answer();
  await cluster.until(() => cluster.member(laggard).machine.applied.length === 2, "the laggard is level");
  expect(cluster.member(laggard).machine.applied).toEqual(["missed", "new"]);
});
