// Safety rule 6 from a client's point of view: a retry, through whatever node, is executed once and gets the first answer.
import { expect, test } from "@jest/globals";
import { MemoryCluster } from "./memory-cluster.js";
import { text } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";
import { turns } from "./until.js";

test("the same update through two nodes at once is executed once and answered alike", async () => {
  await using cluster = await MemoryCluster.start(3);
  for (let timestamp = 1n; timestamp <= 30n; timestamp++) {
    const answers = await Promise.all([0, 1, 2].map((id) => cluster.request(id, 7n, timestamp)));
    expect(new Set(answers.map(({ seq }) => seq)).size).toBe(1);
    expect(answers.map(({ result }) => text(result))).toEqual(Array(3).fill(`${timestamp}: 7/${timestamp}`));
  }
  const expected = Array.from({ length: 30 }, (_, i) => `7/${i + 1}`);
  await cluster.until(
    () => cluster.members.every(({ machine }) => machine.applied.length >= 30),
    "all applied",
  );
  for (const { machine } of cluster.members) expect(machine.applied).toEqual(expected);
});

test("the same update twice through one node is executed once and answers both", async () => {
  await using cluster = await MemoryCluster.start(1);
  const [first, second] = await Promise.all([cluster.request(0, 7n, 1n), cluster.request(0, 7n, 1n)]);
  expect(second.seq).toBe(first.seq);
  expect(second.result).toEqual(first.result);
  expect(cluster.member(0).machine.applied).toEqual(["7/1"]);
});

test("one of two that wait for the same update can give up without the other", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { storage } = cluster.member(0);
  storage.hold();
  const controller = new AbortController();
  const givenUp = cluster.request(0, 7n, 1n, "once", controller.signal);
  const other = cluster.request(0, 7n, 1n, "once");
  await turns();
  controller.abort();
  await expect(givenUp).rejects.toMatchObject({ code: "cancelled" });
  storage.release();
  expect(text((await other).result)).toBe("1: once");
});

test("later, through any node, it gets the first answer, marked as a duplicate", async () => {
  await using cluster = await MemoryCluster.start(3);
  const first = await cluster.request(0, 7n, 1n);
  expect(first).toMatchObject({ duplicate: false, nodeId: 0n });
  await cluster.request(1, 7n, 2n);
  await cluster.until(
    () => cluster.members.every(({ machine }) => machine.applied.length === 2),
    "all applied",
  );
  for (const id of [0, 1, 2]) {
    const again = await cluster.request(id, 7n, 1n);
    expect(again).toMatchObject({
      seq: first.seq,
      result: first.result,
      duplicate: true,
      nodeId: BigInt(id),
    });
  }
  for (const { machine } of cluster.members) expect(machine.applied).toEqual(["7/1", "7/2"]);
});

test("after a change of leader it gets the first answer too", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, ...followers] = await cluster.roles();
  const first = await cluster.request(leader, 7n, 1n);
  await cluster.member(leader).replica.close();
  const [next] = await cluster.roles();
  expect(next).not.toBe(leader);
  for (const id of followers) {
    expect(await cluster.request(id, 7n, 1n)).toMatchObject({
      seq: first.seq,
      result: first.result,
      duplicate: true,
    });
  }
  await cluster.request(next, 7n, 2n);
  expect(cluster.member(next).machine.applied).toEqual(["7/1", "7/2"]);
});

test("an update whose leader dies before it answers is executed once when it is tried again elsewhere", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, ...followers] = await cluster.roles();
  // The proposal gets through; the leader never hears that it was accepted.
  for (const id of followers) cluster.hub.cut(id, leader);
  const lost = rejectionOf(cluster.request(leader, 7n, 1n));
  await turns();
  await cluster.member(leader).replica.close();
  expect(await lost).toMatchObject({ code: "unavailable" });
  const answers = Promise.all(followers.map((id) => cluster.request(id, 7n, 1n)));
  await cluster.until(
    () => followers.every((id) => cluster.member(id).machine.applied.length > 0),
    "applied",
  );
  const [a, b] = await answers;
  expect(a?.seq).toBe(b?.seq);
  for (const id of followers) expect(cluster.member(id).machine.applied).toEqual(["7/1"]);
});

test("a node that has missed the update orders it again; it is executed once and answered with its first seq", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, laggard = -1, other = -1] = await cluster.roles();
  cluster.hub.cut(leader, laggard);
  cluster.hub.cut(other, laggard);
  const first = await cluster.request(leader, 7n, 1n);
  const late = cluster.request(laggard, 7n, 1n);
  await cluster.until(
    () => cluster.member(leader).replica.status().localAru > first.seq,
    "ordered once more",
  );
  cluster.hub.heal();
  await cluster.until(() => cluster.member(laggard).machine.applied.length > 0, "the laggard is level");
  expect(await late).toMatchObject({ seq: first.seq, result: first.result });
  for (const { machine } of cluster.members) expect(machine.applied).toEqual(["7/1"]);
});
