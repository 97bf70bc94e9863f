// Replicas whose membership changes, and whose leadership is handed over.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import { classicLevelStorage } from "@paxos/storage-level";
import type { EpochRecord } from "@paxos/proto";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";

function votersOf({ voters }: EpochRecord): number[] {
  return voters.map(({ nodeId }) => Number(nodeId));
}

test("a node is added, learns what there is, is promoted, and the one it replaces is told that it has left", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, leaves = -1] = await cluster.roles();
  const { replica } = cluster.member(leader);
  await replica.submit(bytes("before"));
  const added = await replica.changeMembership({
    type: { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } },
  });
  expect(added).toMatchObject({ epoch: 1n, learners: [{ nodeId: 3n, address: "node-3:2346" }] });
  const { clusterId } = await cluster.member(leader).handler.members();
  const joined = await cluster.startMember(3, { epochRecord: added, clusterId });
  await cluster.until(
    () => joined.replica.status().localAru === replica.status().localAru,
    "node 3 is level",
  );
  expect(joined.machine.applied).toEqual(["before"]);

  const promoted = await replica.changeMembership({ type: { case: "promote", value: 3n } });
  expect(votersOf(promoted)).toEqual([0, 1, 2, 3]);
  expect([promoted.prepareQuorum, promoted.acceptQuorum]).toEqual([3, 3]);

  const gone = cluster.member(leaves).replica;
  let told = false;
  void gone.removed.then(() => (told = true));
  await replica.changeMembership({ type: { case: "remove", value: BigInt(leaves) } });
  await cluster.until(() => told, "who was removed is told");
  await expect(gone.submit(bytes("no member's"))).rejects.toMatchObject({ code: "unavailable" });
  await gone.close();

  await joined.replica.submit(bytes("after"));
  await cluster.until(() => joined.machine.applied.length === 2, "node 3 applies");
  expect(joined.machine.applied).toEqual(["before", "after"]);
});

test("what is asked twice is made once; what cannot be made is refused, with the reason", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  const { replica } = cluster.member(leader);
  const change = {
    changeId: 77n,
    type: { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } },
  } as const;
  const [first, second, third] = await Promise.all([
    replica.changeMembership(change),
    replica.changeMembership(change),
    rejectionOf(replica.changeMembership({ ...change, changeId: 76n })),
  ]);
  expect([first.epoch, second.epoch]).toEqual([1n, 1n]);
  expect(third).toMatchObject({ code: "refused", message: expect.stringContaining("under way") });
  expect((await replica.changeMembership(change)).epoch).toBe(1n);
  const elsewhere = cluster.member(follower).replica.changeMembership({ ...change, changeId: 79n });
  expect(await rejectionOf(elsewhere)).toMatchObject({ code: "not_leader" });
  const cases = [
    [{ case: "addLearner", value: { nodeId: 3n, address: "x:1" } }, "node 3 is a member already"],
    [{ case: "addLearner", value: { nodeId: 2n, address: "x:1" } }, "node 2 is a member already"],
    [{ case: "addLearner", value: { nodeId: 9n, address: "node-1:2346" } }, "would both be at node-1:2346"],
    [{ case: "promote", value: 1n }, "node 1 is no learner"],
    [{ case: "remove", value: 8n }, "node 8 is no member; the members are 0, 1, 2, 3"],
    [{ case: "setQuorums", value: { prepareQuorum: 1, acceptQuorum: 2 } }, "do not always meet"],
    [{ case: undefined }, "does not say what to change"],
  ] as const;
  for (const [type, reason] of cases) {
    const error = await rejectionOf(replica.changeMembership({ type }));
    expect(error).toMatchObject({ code: "invalid", message: expect.stringContaining(reason) });
  }
  // The learner has never been up.
  expect(await rejectionOf(replica.changeMembership({ type: { case: "promote", value: 3n } }))).toMatchObject(
    {
      code: "refused",
      message: expect.stringContaining("node 3 is not up, or lags"),
    },
  );
  await replica.changeMembership({ type: { case: "remove", value: 3n } });
  const again = await rejectionOf(replica.changeMembership({ ...change, changeId: 78n }));
  expect(again).toMatchObject({
    code: "invalid",
    message: expect.stringContaining(
      "node id 3 was used before, and ids are never used again; the lowest free one is 4",
    ),
  });
});

test("a leadership that is handed over is another node's at once, and nothing that was submitted is lost", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1, other = -1] = await cluster.roles();
  await cluster.heartbeats();
  const submitted = Array.from({ length: 20 }, (_, i) =>
    cluster.member([leader, follower, other][i % 3] ?? leader).replica.submit(bytes(`update ${i}`)),
  );
  expect(await cluster.member(leader).replica.transferLeadership(follower)).toBe(follower);
  await cluster.until(
    () => cluster.member(other).replica.status().leaderId === BigInt(follower),
    "it is followed",
  );
  await Promise.all(submitted);
  expect(await rejectionOf(cluster.member(leader).replica.transferLeadership(other))).toMatchObject({
    code: "not_leader",
    message: expect.stringContaining(`node ${follower} does`),
  });
  expect(await cluster.member(follower).replica.transferLeadership(follower)).toBe(follower);
  expect(await rejectionOf(cluster.member(follower).replica.transferLeadership(9))).toMatchObject({
    code: "refused",
    message: "node 9 is no voter",
  });
});

test("a preferred voter is handed the leadership once it is level", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  await cluster.member(leader).replica.changeMembership({
    type: { case: "setPriority", value: { nodeId: BigInt(follower), priority: 1 } },
  });
  await cluster.until(
    () => cluster.members.every(({ replica }) => replica.status().leaderId === BigInt(follower)),
    "the preferred one leads",
  );
  expect(cluster.member(follower).replica.status().leaderId).toBe(BigInt(follower));
});

test("a node that is restarted knows the membership from its storage, and needs no configuration", async () => {
  const root = await mkdtemp(join(tmpdir(), "replica-membership-"));
  try {
    await using cluster = MemoryCluster.idle(3);
    const open = () => classicLevelStorage({ directory: join(root, "2") });
    for (const id of [0, 1]) await cluster.startMember(id);
    const { replica, storage } = await cluster.startMember(2, { storage: open() });
    const leader = await cluster.elect();
    await cluster.member(leader).replica.changeMembership({
      type: { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } },
    });
    const isSaved = () => [...storage.done].some(({ state }) => state.epochRecord?.epoch === 1n);
    await cluster.until(isSaved, "node 2 has entered the epoch durably");
    await replica.close();
    const stranger = { epochRecord: firstEpoch(["elsewhere:1", "nowhere:1", "node-2:2346"]) };
    const refused = await rejectionOf(cluster.startMember(2, { storage: open(), ...stranger }));
    expect(refused).toMatchObject({
      name: "ConfigError",
      message: expect.stringContaining("the configuration names"),
    });
    const restarted = await cluster.startMember(2, { storage: open(), epochRecord: undefined as never });
    expect(restarted.replica.epochRecord).toMatchObject({ epoch: 1n, learners: [{ nodeId: 3n }] });
    await cluster.elect();
  } finally {
    await rm(root, { recursive: true });
  }
});
