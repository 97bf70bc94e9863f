// A version of commands is used once every member knows it, and from then on by nobody who does not.
import { expect, test } from "@jest/globals";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { MembershipChangeSchema, MessageSchema } from "@paxos/proto";
import { ConfigError } from "../src/errors.js";
import { protocolVersions } from "../src/protocol-versions.js";
import { Cluster, log } from "./cluster.js";

const long = 400;

/** All that are up have met each other anew, in both directions. */
function meet(cluster: Cluster): void {
  const ids = cluster.up.map(({ id }) => id);
  const refusals = ids.flatMap((from) =>
    ids.filter((to) => to !== from).map((to) => cluster.introduce(from, to)),
  );
  expect(refusals.filter((refusal) => refusal !== undefined)).toEqual([]);
}

function setVersion(
  cluster: Cluster,
  id: number,
  commandVersion: number,
  protocolVersion: number = protocolVersions.newest,
): void {
  cluster.member(id).release = { protocolVersion, commandVersion };
}

/** Nodes whose releases know these versions of commands, with a leader. */
function clusterOf(...versions: number[]): Cluster {
  const cluster = new Cluster(versions.length);
  versions.forEach((version, id) => setVersion(cluster, id, version));
  cluster.start();
  meet(cluster);
  cluster.elect();
  return cluster;
}

/** A node ends, and another release of it begins. */
function replaceRelease(cluster: Cluster, id: number, commandVersion: number): void {
  cluster.crash(id);
  setVersion(cluster, id, commandVersion);
  cluster.start(id);
  meet(cluster);
}

function used(cluster: Cluster): string[] {
  return cluster.up.map(({ node }) => {
    const { epoch, commandVersion } = node!.epochRecord;
    return `epoch ${epoch}: ${commandVersion}`;
  });
}

type ChangeType = NonNullable<MessageInitShape<typeof MembershipChangeSchema>["type"]>;

function change(cluster: Cluster, type: ChangeType, changeId = 0n) {
  const leader = cluster.elect();
  const result = cluster
    .member(leader)
    .node!.changeMembership(create(MembershipChangeSchema, { type, changeId, force: true }));
  cluster.pump(leader);
  return result;
}

test("commands without versions change nothing", () => {
  const cluster = clusterOf(0, 0, 0);
  cluster.tick(long);
  expect(used(cluster)).toEqual(Array(3).fill("epoch 0: 0"));
});

test.each([
  [[1, 1, 1], 1],
  [[3, 2, 5], 2],
  [[7], 7],
])("of members that know versions %p, version %p is used, from one seq on", (versions, version) => {
  const cluster = clusterOf(...versions);
  cluster.tickUntil(() => used(cluster).every((one) => one === `epoch 1: ${version}`), "all use it");
  cluster.tick(long);
  expect(used(cluster)).toEqual(versions.map(() => `epoch 1: ${version}`));
  const seqs = cluster.up.map(({ node }) => node!.epochRecord.beginsAfter);
  expect(new Set(seqs).size).toBe(1);
});

test("in a rolling upgrade it is used when the last one has been upgraded, and no update is lost or stands twice", () => {
  const cluster = clusterOf(1, 1, 1);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 1: 1"), "version 1 is used");
  let sent = 0;
  for (const id of [0, 1, 2]) {
    replaceRelease(cluster, id, 2);
    cluster.elect();
    for (const { id: to } of cluster.members) cluster.propose(to, BigInt(to + 1), BigInt(++sent));
    cluster.tick(long);
    expect(used(cluster)).toEqual(Array(3).fill(id < 2 ? "epoch 1: 1" : "epoch 2: 2"));
  }
  for (const member of cluster.members) {
    expect(log(member).length).toBeGreaterThan(0);
    expect(log(member)).toEqual(log(cluster.member(0)));
  }
  expect(new Set(log(cluster.member(0))).size).toBe(sent);
});

test("who has not said what it knows holds a version back: not met, not heard, or of an earlier protocol", () => {
  const cluster = new Cluster(3);
  for (const id of [0, 1, 2]) setVersion(cluster, id, 1);
  cluster.start();
  cluster.elect();
  cluster.tick(long);
  expect(used(cluster)).toEqual(Array(3).fill("epoch 0: 0"));

  // It cannot have meant what a later protocol has in that place.
  setVersion(cluster, 2, 1, 1);
  meet(cluster);
  cluster.tick(long);
  expect(used(cluster)).toEqual(Array(3).fill("epoch 0: 0"));

  // Whoever is down may come back as another release.
  cluster.crash(2);
  cluster.tick(100);
  setVersion(cluster, 2, 1);
  cluster.tick(long);
  expect(used(cluster)).toEqual(Array(2).fill("epoch 0: 0"));
  cluster.start(2);
  meet(cluster);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 1: 1"), "all use it");
});

test("a learner counts as well: it applies what it receives", () => {
  const cluster = clusterOf(0, 0, 0);
  change(cluster, { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } });
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 1: 0"), "it is added");
  cluster.join(3, cluster.member(0).node!.epochRecord);
  for (const id of [0, 1, 2]) replaceRelease(cluster, id, 4);
  cluster.elect();
  cluster.tick(long);
  expect(used(cluster)).toEqual(Array(4).fill("epoch 1: 0"));
  replaceRelease(cluster, 3, 4);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 2: 4"), "all use it");
});

test("other changes leave it as it is, and what was asked for before is found made after it", () => {
  const cluster = clusterOf(0, 0, 0);
  expect(change(cluster, { case: "setPriority", value: { nodeId: 1n, priority: 3 } }, 77n)).toMatchObject({
    kind: "proposed",
  });
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 1: 0"), "it is made");
  for (const id of [0, 1, 2]) replaceRelease(cluster, id, 2);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 2: 2"), "all use it");
  expect(change(cluster, { case: "setPriority", value: { nodeId: 1n, priority: 3 } }, 77n)).toMatchObject({
    kind: "made",
  });
  change(cluster, { case: "remove", value: 0n });
  cluster.tickUntil(() => used(cluster).some((one) => one === "epoch 3: 2"), "a later epoch");
});

test("who knows less is refused, and does not start on storage that may hold more; who was removed is told that", () => {
  const cluster = clusterOf(2, 2, 2);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 1: 2"), "all use it");
  cluster.tick(100);
  setVersion(cluster, 0, 1);
  expect(cluster.introduce(0, 1)).toEqual({
    reason: "protocol_version",
    detail:
      "the cluster uses version 2 of the state machine's commands, node 0 knows them up to version 1; run a release there that knows version 2",
  });
  cluster.crash(0);
  expect(() => cluster.start(0)).toThrow(ConfigError);
  expect(() => cluster.start(0)).toThrow(
    "epoch 1 uses version 2 of the state machine's commands, this node knows them up to version 1; run a release that knows version 2",
  );
  setVersion(cluster, 0, 0);
  expect(() => cluster.start(0)).toThrow("this node knows none; run a release");
  setVersion(cluster, 0, 3);
  cluster.start(0);
  meet(cluster);
  cluster.elect();

  change(cluster, { case: "remove", value: 0n });
  cluster.tickUntil(() => [1, 2].every((id) => cluster.status(id).epoch === 2), "node 0 is removed");
  cluster.propose(1, 9n, 1n);
  // Until then it may have to learn of its removal.
  cluster.crash(0);
  cluster.tick(51 * 60);
  cluster.start(0);
  setVersion(cluster, 0, 0);
  expect(cluster.introduce(0, 1)?.reason).toBe("removed");
});

test("an earlier release that comes back while the others agree stops at the stop sign, and goes on as a later one", () => {
  const cluster = clusterOf(1, 1, 1);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 1: 1"), "version 1 is used");
  const late = cluster.elect();
  for (const id of [0, 1, 2].filter((one) => one !== late)) replaceRelease(cluster, id, 2);
  // All hear it and it hears all, but of proposals it hears nothing.
  cluster.passes = ({ to, bytes }) =>
    to !== late || fromBinary(MessageSchema, bytes).type.case === "heartbeat";
  replaceRelease(cluster, late, 2);
  const others = cluster.members.filter(({ id }) => id !== late);
  cluster.tickUntil(
    () => others.every(({ node }) => node!.epochRecord.commandVersion === 2),
    "the others use it",
  );
  cluster.crash(late);
  setVersion(cluster, late, 1);
  cluster.start(late);
  cluster.passes = () => true;
  // No peer has met it: what comes is as if it had been on its way.
  expect(() => cluster.tick(long)).toThrow(ConfigError);
  expect(() => cluster.member(late).node!.tick()).toThrow("epoch 2 uses version 2");
  replaceRelease(cluster, late, 2);
  cluster.tickUntil(() => used(cluster).every((one) => one === "epoch 2: 2"), "all use it");
});
