// What a replica says of itself and its peers, and whom it believes.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { MessageSchema, Role } from "@paxos/proto";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes } from "./recording-machine.js";
import { turns } from "./until.js";

test("it tells role, view, leader, progress, peers, counters and storage", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  await cluster.until(
    () => cluster.members.every(({ replica }) => replica.status().storesRecorded),
    "recorded",
  );
  const { seq } = await cluster.member(leader).replica.submit(bytes("one"));
  await cluster.until(
    () =>
      cluster
        .member(leader)
        .replica.status()
        .peers.every(({ localAru }) => localAru === BigInt(seq)),
    "the leader knows that all are level",
  );
  const status = cluster.member(leader).replica.status();
  expect(status).toMatchObject({
    nodeId: BigInt(leader),
    role: Role.LEADER,
    epoch: 0n,
    leaderId: BigInt(leader),
    localAru: BigInt(seq),
    appliedSeq: BigInt(seq),
    waitingUpdates: 0n,
    storesRecorded: true,
  });
  expect(Number(status.view) % 3).toBe(leader);
  expect(status.storeId).not.toBe(0n);
  const others = [0, 1, 2].filter((id) => id !== leader);
  expect(status.peers).toMatchObject(
    others.map((id) => ({
      nodeId: BigInt(id),
      address: `node-${id}:2346`,
      heard: true,
      localAru: BigInt(seq),
    })),
  );
  expect(status.counters).toContainEqual(expect.objectContaining({ name: "sent_by_memory", count: 1n }));
  expect(cluster.member(follower).replica.status()).toMatchObject({
    role: Role.FOLLOWER,
    leaderId: BigInt(leader),
  });
  expect(await cluster.member(leader).handler.status()).toEqual(status);
});

test("alone it elects; updates wait and are counted", async () => {
  await using cluster = MemoryCluster.idle(3);
  const { replica } = await cluster.startMember(0);
  const submitted = replica.submit(bytes("waits"));
  submitted.catch(() => undefined);
  await turns();
  const status = replica.status();
  expect(status).toMatchObject({
    role: Role.ELECTING,
    waitingUpdates: 1n,
    appliedSeq: 0n,
    storesRecorded: false,
  });
  expect(status.leaderId).toBeUndefined();
  expect(status.peers.every(({ heard }) => !heard)).toBe(true);
});

test("peerReached resolves with the first connection, alone at once", async () => {
  await using cluster = MemoryCluster.idle(2);
  const { replica } = await cluster.startMember(0);
  let reached = false;
  void replica.peerReached.then(() => (reached = true));
  await turns();
  expect(reached).toBe(false);
  const second = await cluster.startMember(1);
  await Promise.all([replica.peerReached, second.replica.peerReached]);
  expect(cluster.member(0).lines).toContain("info: connected to node 1 at node-1:2346");

  await using alone = MemoryCluster.idle(1);
  await (
    await alone.startMember(0)
  ).replica.peerReached;
});

test("a lost connection is logged with its reason", async () => {
  await using cluster = await MemoryCluster.start(2);
  await cluster.member(1).replica.close();
  expect(cluster.member(0).lines).toContain("info: not connected to node 1 at node-1:2346: closed");
});

test("a message that names another sender than its connection is dropped", async () => {
  await using cluster = await MemoryCluster.start(3);
  const { replica } = cluster.member(0);
  const heartbeat = (from: number, storeId: bigint) =>
    create(MessageSchema, {
      to: 0n,
      from: BigInt(from),
      storeId,
      // Far ahead, so that it would be believed visibly.
      type: {
        case: "heartbeat",
        value: { nodeId: BigInt(from), view: replica.status().view, localAru: 1_000_000n },
      },
    });
  const { storeId } = cluster.member(2).replica.status();
  const aruOf = (id: bigint) => replica.status().peers.find(({ nodeId }) => nodeId === id)?.localAru;
  cluster.hub.context(0).onMessage(1, heartbeat(2, storeId));
  expect(aruOf(2n)).toBeLessThan(1_000_000n);
  cluster.hub.context(0).onMessage(2, heartbeat(2, storeId));
  expect(aruOf(2n)).toBe(1_000_000n);
});

test("messages that make no sense are ignored and counted", async () => {
  await using cluster = await MemoryCluster.start(2);
  const { replica } = cluster.member(0);
  const context = cluster.hub.context(0);
  context.onMessage(1, create(MessageSchema, { to: 9n, from: 1n }));
  context.onMessage(1, create(MessageSchema, { to: 0n, from: 1n, group: 5n }));
  const counters = replica.status().counters;
  expect(counters).toContainEqual(expect.objectContaining({ name: "misdirected", count: 1n }));
  expect(counters).toContainEqual(expect.objectContaining({ name: "wrong_group", count: 1n }));
  await replica.submit(bytes("still there"));
});
