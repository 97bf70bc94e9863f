// A new cluster out of one survivor: what it keeps, and how it goes on.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { MembershipChangeSchema } from "@paxos/proto";
import { recoverAlone, type Recovery } from "../src/recovery.js";
import { Cluster, log } from "./cluster.js";
import { MemoryDisk } from "./memory-disk.js";

type Change = MessageInitShape<typeof MembershipChangeSchema>;

const clusterId = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

const texts = (client: number, from: number, upTo: number) =>
  Array.from({ length: upTo - from + 1 }, (_, i) => `${client}/${from + i}`);

function propose(cluster: Cluster, id: number, client: number, from: number, upTo: number): void {
  for (let i = from; i <= upTo; i++) cluster.propose(id, BigInt(client), BigInt(i));
  cluster.settle();
}

function change(cluster: Cluster, nodeId: number, wanted: Change) {
  const result = cluster.member(nodeId).node?.changeMembership(create(MembershipChangeSchema, wanted));
  cluster.pump(nodeId);
  cluster.settle();
  return result;
}

const addLearner = (id: number): Change => ({
  type: { case: "addLearner", value: { nodeId: BigInt(id), address: `node-${id}:2346` } },
});

/** Ends all nodes, makes one a cluster of its own, and starts that one. */
function recover(cluster: Cluster, survivor: number): Recovery {
  cluster.crash(...cluster.members.keys());
  cluster.network.length = 0;
  const { disk } = cluster.member(survivor);
  const recovery = recoverAlone(disk.load(), { clusterId, incarnation: 99n });
  disk.write(recovery.save);
  cluster.start(survivor);
  cluster.elect();
  return recovery;
}

/** Adds a node with an empty disk, and makes it a voter once it is level. */
function addVoter(cluster: Cluster, leader: number, id: number): void {
  expect(change(cluster, leader, addLearner(id))).toMatchObject({ kind: "proposed" });
  const record = cluster.member(leader).node?.epochRecord;
  if (record === undefined) throw new Error(`node ${leader} is up`);
  cluster.join(id, record);
  for (const { id: other } of cluster.up) {
    if (other === id) continue;
    cluster.introduce(id, other);
    cluster.introduce(other, id);
  }
  cluster.tickUntil(
    () => cluster.status(id).aru === cluster.status(leader).aru && cluster.status(id).epoch > 0,
    `node ${id} is level`,
  );
  const promote: Change = { type: { case: "promote", value: BigInt(id) } };
  cluster.tickUntil(() => change(cluster, leader, promote)?.kind === "proposed", `node ${id} may vote`);
  cluster.tick(20);
}

test("a survivor keeps what it knows as ordered and what it has accepted, and grows into a cluster again", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  propose(cluster, leader, 7, 1, 5);
  cluster.tick(20);
  const ordered = cluster.status(leader).aru;
  // These were accepted by the leader alone: nobody can tell.
  cluster.isolate(leader);
  propose(cluster, leader, 7, 6, 8);
  cluster.heal();
  const recovery = recover(cluster, leader);
  expect(recovery).toMatchObject({
    nodeId: leader,
    orderedUpTo: ordered,
    keptUpTo: ordered + 3,
    dropsChange: false,
  });
  expect(cluster.status(leader)).toMatchObject({ epoch: 1, role: "leader", leader });
  propose(cluster, leader, 8, 1, 3);
  expect(log(cluster.member(leader))).toEqual([...texts(7, 1, 8), ...texts(8, 1, 3)]);
  // Ids go on from where the old cluster was, and who joins gets the whole past.
  expect(change(cluster, leader, addLearner((leader + 1) % 3))).toMatchObject({ kind: "refused" });
  addVoter(cluster, leader, 3);
  addVoter(cluster, leader, 4);
  propose(cluster, leader, 8, 4, 5);
  cluster.tick(30);
  for (const id of [leader, 3, 4])
    expect(log(cluster.member(id))).toEqual([...texts(7, 1, 8), ...texts(8, 1, 5)]);
  // And it survives the loss of who was recovered.
  cluster.crash(leader);
  const next = cluster.elect();
  propose(cluster, next, 8, 6, 6);
  cluster.tick(30);
  expect(log(cluster.member(3))).toEqual(log(cluster.member(4)));
  expect(log(cluster.member(3)).at(-1)).toBe("8/6");
});

test("those who join get the past by snapshot where the log has been compacted", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  propose(cluster, leader, 7, 1, 20);
  cluster.tick(20);
  cluster.takeSnapshot(leader);
  cluster.compact(leader);
  propose(cluster, leader, 7, 21, 22);
  cluster.tick(20);
  recover(cluster, leader);
  addVoter(cluster, leader, 3);
  expect(log(cluster.member(3))).toEqual(texts(7, 1, 22));
  expect(cluster.status(3).snapshot).toBeDefined();
});

test("a membership change that was accepted and is not known as ordered does not happen", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  propose(cluster, leader, 7, 1, 2);
  cluster.tick(20);
  cluster.isolate(leader);
  propose(cluster, leader, 7, 3, 3);
  const before = cluster.status(leader).aru;
  expect(change(cluster, leader, addLearner(3))).toMatchObject({ kind: "proposed" });
  cluster.heal();
  const recovery = recover(cluster, leader);
  expect(recovery).toMatchObject({ orderedUpTo: before, keptUpTo: before + 1, dropsChange: true });
  expect(cluster.member(leader).node?.epochRecord).toMatchObject({
    epoch: 1n,
    learners: [],
    base: clusterId,
  });
  // A restart finds the same.
  cluster.crash(leader);
  cluster.start(leader);
  cluster.elect();
  propose(cluster, leader, 8, 1, 1);
  expect(log(cluster.member(leader))).toEqual([...texts(7, 1, 3), "8/1"]);
  addVoter(cluster, leader, 3);
  expect(log(cluster.member(3))).toEqual(log(cluster.member(leader)));
});

test("a snapshot that had come in full before a crash is installed, with the members it was taken with", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const behind = (leader + 1) % 3;
  propose(cluster, leader, 7, 1, 2);
  cluster.tick(20);
  cluster.isolate(behind);
  expect(change(cluster, leader, addLearner(3))).toMatchObject({ kind: "proposed" });
  propose(cluster, leader, 7, 3, 20);
  cluster.tick(20);
  for (const id of [0, 1, 2].filter((one) => one !== behind)) {
    cluster.takeSnapshot(id);
    cluster.compact(id);
  }
  cluster.heal();
  // The save that would install it never ends.
  const { disk } = cluster.member(behind);
  cluster.member(behind).slowDisk = true;
  cluster.tickUntil(() => {
    const { incoming } = disk;
    if (incoming !== undefined && incoming.next === incoming.snapshot.chunks) return true;
    cluster.flush(behind);
    return false;
  }, "the snapshot has come");
  const { snapshot } = disk.incoming ?? {};
  cluster.member(behind).slowDisk = false;
  const recovery = recover(cluster, behind);
  expect(recovery).toMatchObject({ orderedUpTo: Number(snapshot?.seq), before: { epoch: 1n } });
  expect(cluster.status(behind)).toMatchObject({ epoch: 2, role: "leader" });
  expect(log(cluster.member(behind))).toEqual(texts(7, 1, 20));
});

test("a node that was removed has what it knew until then; it keeps its id and address, and ids go on", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const removed = (leader + 1) % 3;
  propose(cluster, leader, 7, 1, 3);
  cluster.tick(20);
  expect(change(cluster, leader, { type: { case: "remove", value: BigInt(removed) } })).toMatchObject({
    kind: "proposed",
  });
  cluster.tick(30);
  propose(cluster, leader, 7, 4, 6);
  cluster.tick(20);
  const recovery = recover(cluster, removed);
  expect(recovery.before.epoch).toBe(1n);
  expect(recovery.before.voters.map(({ nodeId }) => Number(nodeId))).not.toContain(removed);
  expect(recovery).toMatchObject({ nodeId: removed, address: `node-${removed}:2346`, dropsChange: false });
  expect(cluster.status(removed)).toMatchObject({ epoch: 2, role: "leader" });
  const kept = log(cluster.member(removed));
  expect(kept.slice(0, 3)).toEqual(texts(7, 1, 3));
  expect(kept).toEqual(texts(7, 1, 6).slice(0, kept.length));
  addVoter(cluster, removed, 3);
  expect(log(cluster.member(3))).toEqual(kept);
});

test("a storage that was never a member's is refused", () => {
  expect(() => recoverAlone(new MemoryDisk(5n).load(), { clusterId, incarnation: 1n })).toThrow(
    /the storage is new/,
  );
});

test("whenever the others are lost, a survivor keeps all that it knows as ordered, in the one order", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const disks: MemoryDisk[] = [];
  cluster.onSaved = (id) => void disks.push(cluster.member(id).disk.copy());
  propose(cluster, leader, 7, 1, 4);
  change(cluster, leader, addLearner(3));
  propose(cluster, leader, 7, 5, 6);
  const next = (leader + 1) % 3;
  cluster.crash(leader);
  cluster.elect();
  propose(cluster, next, 7, 7, 9);
  cluster.tick(40);
  const order = log(cluster.member(next));
  expect(order).toHaveLength(9);
  expect(disks.length).toBeGreaterThan(20);
  for (const disk of disks) {
    const known = Number(disk.state?.localAru);
    const recovery = recoverAlone(disk.load(), { clusterId, incarnation: 99n });
    disk.write(recovery.save);
    const alone = new Cluster(3);
    alone.member(recovery.nodeId).disk = disk;
    alone.start(recovery.nodeId);
    alone.elect();
    const kept = log(alone.member(recovery.nodeId));
    expect(kept).toEqual(order.slice(0, kept.length));
    expect(recovery.keptUpTo).toBeGreaterThanOrEqual(known);
    expect(alone.status(recovery.nodeId)).toMatchObject({
      aru: recovery.keptUpTo + 2,
      leader: recovery.nodeId,
    });
  }
});

test("the version of commands in use stays: the log may hold such", () => {
  const cluster = new Cluster(2);
  for (const member of cluster.members) member.release = { protocolVersion: 2, commandVersion: 3 };
  cluster.start();
  cluster.introduce(0, 1);
  cluster.introduce(1, 0);
  const used = () => cluster.up.map(({ node }) => node?.epochRecord.commandVersion);
  cluster.tickUntil(() => used().every((version) => version === 3), "both use version 3");
  expect(recover(cluster, 1).epochRecord.commandVersion).toBe(3);
  expect(used()).toEqual([3]);
});
