// What a submitted update promises, and how a submission is refused.
import { getEventListeners } from "node:events";
import { expect, test } from "@jest/globals";
import { Role } from "@paxos/proto";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes, text } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";
import { turns } from "./until.js";

test("an update resolves with its seq and the answer of the state machine it went through", async () => {
  await using cluster = await MemoryCluster.start(3);
  for (const [id, { replica, machine }] of cluster.members.entries()) {
    const { seq, result, duplicate } = await replica.submit(bytes(`via ${id}`));
    expect(text(result)).toBe(`${id + 1}: via ${id}`);
    expect(duplicate).toBe(false);
    // It has been applied here by the time the promise resolves.
    expect(machine.applied.at(-1)).toBe(`via ${id}`);
    expect(machine.seqs.at(-1)).toBe(seq);
  }
});

test("concurrent updates through all nodes are applied in the same order everywhere", async () => {
  await using cluster = await MemoryCluster.start(3);
  const submitted = cluster.members.flatMap(({ replica }, id) =>
    Array.from({ length: 200 }, (_, i) => replica.submit(bytes(`${id}-${i}`))),
  );
  const seqs = (await Promise.all(submitted)).map(({ seq }) => seq);
  expect(new Set(seqs).size).toBe(600);
  await cluster.until(
    () => cluster.members.every(({ machine }) => machine.applied.length === 600),
    "all applied",
  );
  const [first, ...others] = cluster.members.map(({ machine }) => machine);
  for (const other of others) {
    expect(other.applied).toEqual(first?.applied);
    expect(other.seqs).toEqual(first?.seqs);
  }
  expect(first?.seqs).toEqual(seqs.sort((a, b) => a - b));
});

test("a signal aborted before rejects at once, and nothing is proposed", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica, machine } = cluster.member(0);
  await expect(replica.submit(bytes("no"), { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: "RequestError",
    code: "cancelled",
  });
  await replica.submit(bytes("yes"));
  expect(machine.applied).toEqual(["yes"]);
});

test("a signal aborted while waiting rejects; the update may be ordered all the same", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica, machine, storage } = cluster.member(0);
  storage.hold();
  const controller = new AbortController();
  const aborted = replica.submit(bytes("given up"), { signal: controller.signal });
  const other = replica.submit(bytes("waited for"));
  await turns();
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ code: "cancelled" });
  storage.release();
  await other;
  expect(machine.applied).toEqual(["given up", "waited for"]);
});

test("no listener stays on a signal, whether the update is ordered, refused, given up or the replica closed", async () => {
  await using cluster = await MemoryCluster.start(1, { tuning: { updateBytes: 100 } });
  const { replica, storage } = cluster.member(0);
  const controller = new AbortController();
  const { signal } = controller;
  await Promise.all(Array.from({ length: 20 }, () => replica.submit(bytes("x"), { signal })));
  await expect(replica.submit(new Uint8Array(101), { signal })).rejects.toMatchObject({ code: "too_large" });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);

  storage.hold();
  const givenUp = new AbortController();
  const waiting = replica.submit(bytes("y"), { signal: givenUp.signal });
  const closed = rejectionOf(replica.submit(bytes("z"), { signal }));
  await turns();
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  givenUp.abort();
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  expect(getEventListeners(givenUp.signal, "abort")).toHaveLength(0);
  storage.release();
  await replica.close();
  expect(await closed).toMatchObject({ code: "unavailable" });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

const small = { tuning: { windowUpdates: 2, runUpdates: 2 } };

test("too many waiting updates are refused as busy, and taken again once there is room", async () => {
  await using cluster = await MemoryCluster.start(1, small);
  const { replica, machine, storage } = cluster.member(0);
  storage.hold();
  const taken = [1, 2, 3, 4].map((i) => replica.submit(bytes(`${i}`)));
  await expect(replica.submit(bytes("5"))).rejects.toMatchObject({ name: "RequestError", code: "busy" });
  storage.release();
  await Promise.all(taken);
  await replica.submit(bytes("6"));
  expect(machine.applied).toEqual(["1", "2", "3", "4", "6"]);
});

test("with whenBusy: wait, all of many more updates than there is room for are ordered", async () => {
  await using cluster = await MemoryCluster.start(3, small);
  const submitted = cluster.members.flatMap(({ replica }, id) =>
    Array.from({ length: 50 }, (_, i) => replica.submit(bytes(`${id}-${i}`), { whenBusy: "wait" })),
  );
  const outcomes = Promise.allSettled(submitted);
  await cluster.until(
    () => cluster.members.every(({ machine }) => machine.applied.length === 150),
    "all applied",
  );
  expect((await outcomes).filter(({ status }) => status === "rejected")).toEqual([]);
});

test("waiting for room ends when the signal is aborted, and leaves no listener", async () => {
  await using cluster = await MemoryCluster.start(1, small);
  const { replica, machine, storage } = cluster.member(0);
  storage.hold();
  const taken = [1, 2, 3, 4].map((i) => replica.submit(bytes(`${i}`)));
  const controller = new AbortController();
  const waiting = replica.submit(bytes("5"), { signal: controller.signal, whenBusy: "wait" });
  await turns();
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  storage.release();
  await Promise.all(taken);
  expect(machine.applied).toEqual(["1", "2", "3", "4"]);
});

test("waiting for room ends when the replica closes", async () => {
  await using cluster = await MemoryCluster.start(1, small);
  const { replica, storage } = cluster.member(0);
  storage.hold();
  const taken = [1, 2, 3, 4].map((i) => replica.submit(bytes(`${i}`)));
  const waiting = replica.submit(bytes("5"), { whenBusy: "wait" });
  const rejections = [...taken, waiting].map(rejectionOf);
  await turns();
  const closed = replica.close();
  storage.release();
  await closed;
  for (const error of await Promise.all(rejections)) expect(error).toMatchObject({ code: "unavailable" });
});

test("an update for which the leader is too busy is ordered once there is room: its caller hears of no refusal", async () => {
  await using cluster = await MemoryCluster.start(3, small);
  const [leader, follower = -1] = await cluster.roles();
  for (const { storage } of cluster.members) storage.hold();
  const filling = [1, 2, 3, 4].map((i) => cluster.member(leader).replica.submit(bytes(`${i}`)));
  await turns();
  let refusals = 0;
  cluster.hub.onSend = ({ type }) => {
    if (type.case === "updateRefusal") refusals++;
  };
  const submitted = cluster.member(follower).replica.submit(bytes("5"));
  await turns();
  expect(refusals).toBe(1);
  for (const { storage } of cluster.members) storage.release();
  await Promise.all(filling);
  const { machine } = cluster.member(leader);
  await cluster.until(() => machine.applied.includes("5"), "sent again, and ordered");
  expect(text((await submitted).result)).toBe("5: 5");
});

test("a number that is none of the protocol's is its caller's fault, and the node lives on", async () => {
  await using cluster = await MemoryCluster.start(1);
  await expect(cluster.request(0, 7n, -1n)).rejects.toMatchObject({ name: "RequestError", code: "invalid" });
  await expect(cluster.request(0, 7n, 1n)).resolves.toMatchObject({ duplicate: false });
});

test("an update above the size limit is refused, one of just that size is not", async () => {
  await using cluster = await MemoryCluster.start(2, { tuning: { updateBytes: 10 } });
  await expect(cluster.member(0).replica.submit(new Uint8Array(11))).rejects.toMatchObject({
    name: "RequestError",
    code: "too_large",
  });
  await cluster.member(0).replica.submit(new Uint8Array(10));
});

test("client id 0 is refused as invalid, with what to do", async () => {
  await using cluster = await MemoryCluster.start(1);
  await expect(cluster.request(0, 0n, 1n)).rejects.toMatchObject({
    name: "RequestError",
    code: "invalid",
    message: expect.stringContaining("choose any other"),
  });
  expect(cluster.member(0).replica.status().role).toBe(Role.LEADER);
});

test("an update older than what its client's session remembers is refused as expired, not executed again", async () => {
  await using cluster = await MemoryCluster.start(1);
  await Promise.all(Array.from({ length: 2048 }, (_, i) => cluster.request(0, 7n, BigInt(i + 1))));
  await expect(cluster.request(0, 7n, 1n)).rejects.toMatchObject({ name: "RequestError", code: "expired" });
  expect(await cluster.request(0, 7n, 2048n)).toMatchObject({ duplicate: true });
  expect(cluster.member(0).machine.applied).toHaveLength(2048);
});
