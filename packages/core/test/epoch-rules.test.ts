// Safety rule 7: how an epoch ends, and how the next one begins.
import { create, fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { MembershipChangeSchema, MessageSchema, type Message, type PrepareOK } from "@paxos/proto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { readStopSign } from "../src/stop-sign.js";
import { Cluster, log } from "./cluster.js";

type Change = MessageInitShape<typeof MembershipChangeSchema>;

function change(cluster: Cluster, nodeId: number, wanted: Change) {
  const result = cluster.member(nodeId).node?.changeMembership(create(MembershipChangeSchema, wanted));
  cluster.pump(nodeId);
  return result;
}

const learner = (id: number): Change => ({
  type: { case: "addLearner", value: { nodeId: BigInt(id), address: `node-${id}:2346` } },
});

/** Everything that is sent from now on. */
function messagesOf(cluster: Cluster): Message[] {
  const messages: Message[] = [];
  cluster.passes = ({ bytes }) => {
    messages.push(fromBinary(MessageSchema, bytes));
    return true;
  };
  return messages;
}

test("a change keeps the leader, needs no election, and is entered by all in the save that marks its stop sign as ordered", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const messages = messagesOf(cluster);
  const entries = new Map<number, { whole: boolean; led: bigint | undefined }>();
  cluster.onSaved = (id, { state }) => {
    const { epochRecord, localAru, promisedView, ledView } = state;
    const begins = epochRecord?.beginsAfter ?? 0n;
    if (epochRecord?.epoch !== 1n || entries.has(id)) return;
    // Not without its stop sign, and not without the promise of its first view.
    const whole = localAru >= begins && promisedView >= epochRecord.firstView;
    entries.set(id, { whole, led: ledView });
  };
  expect(change(cluster, leader, learner(3))).toEqual({ kind: "proposed", epoch: 1 });
  cluster.settle();
  cluster.tick(30);
  for (const { id } of cluster.up) expect(cluster.status(id)).toMatchObject({ epoch: 1, leader });
  expect(messages.filter(({ type }) => type.case === "viewChange" || type.case === "prepare")).toEqual([]);
  expect(entries.size).toBe(3);
  for (const [id, { led, whole }] of entries)
    expect([whole, led !== undefined]).toEqual([true, id === leader]);
});

test("nothing is proposed behind a stop sign until it is ordered, and everything that waited is then", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const followers = [0, 1, 2].filter((id) => id !== leader);
  for (const id of followers) cluster.member(id).slowDisk = true;
  const messages = messagesOf(cluster);
  change(cluster, leader, learner(3));
  for (let i = 1; i <= 5; i++) cluster.propose(leader, 7n, BigInt(i));
  cluster.settle();
  const updates = messages.flatMap(({ type }) => (type.case === "proposal" ? type.value.updates : []));
  expect(updates.length).toBeGreaterThan(0);
  expect(updates.every((update) => readStopSign(update) !== undefined)).toBe(true);
  expect(change(cluster, leader, learner(4))).toMatchObject({ kind: "refused", reason: "under_way" });
  for (const id of followers) {
    cluster.member(id).slowDisk = false;
    cluster.flush(id);
  }
  cluster.settle();
  cluster.tick(30);
  for (const member of cluster.up) expect(log(member)).toEqual(["7/1", "7/2", "7/3", "7/4", "7/5"]);
});

/** A deposed leader alone has accepted some updates; the others have ended the epoch at a lower seq. */
function withMinorityLog(): { cluster: Cluster; deposed: number; others: number[] } {
  const cluster = new Cluster(3).start();
  const deposed = cluster.elect();
  const others = [0, 1, 2].filter((id) => id !== deposed);
  cluster.isolate(deposed);
  for (let i = 1; i <= 6; i++) cluster.propose(deposed, 7n, BigInt(i));
  cluster.settle();
  cluster.tickUntil(
    () => others.includes(cluster.leader() ?? -1) && !isLeader(cluster, deposed),
    "another leader",
  );
  const leader = cluster.leader() ?? -1;
  change(cluster, leader, learner(3));
  cluster.settle();
  expect(cluster.status(leader).epoch).toBe(1);
  return { cluster, deposed, others };
}

function isLeader(cluster: Cluster, id: number): boolean {
  return cluster.status(id).role === "leader";
}

/** Has the others' leader replaced, and gives what the deposed one answers to its successor's Prepare. */
function promiseOf(cluster: Cluster, deposed: number): PrepareOK {
  const messages = messagesOf(cluster);
  const leader = cluster.leader() ?? -1;
  cluster.crash(leader);
  cluster.tickUntil(() => {
    return (
      messages.some(({ from, type }) => type.case === "prepareOk" && Number(from) === deposed) ||
      isLeader(cluster, deposed)
    );
  }, "a promise of the deposed node");
  const found = messages.find(({ from, type }) => type.case === "prepareOk" && Number(from) === deposed);
  if (found?.type.case !== "prepareOk") throw new Error("it prepares itself");
  return found.type.value;
}

test.each([false, true])(
  "what was accepted in an epoch that has ended is told in no promise of the next (restarted: %p)",
  (restarts) => {
    const { cluster, deposed } = withMinorityLog();
    cluster.heal();
    cluster.tickUntil(
      () => cluster.status(deposed).epoch === 1,
      "the deposed leader learns how its epoch ended",
    );
    expect(log(cluster.member(deposed)).filter((entry) => entry.startsWith("7/"))).toEqual([]);
    if (restarts) {
      cluster.crash(deposed);
      cluster.start(deposed);
    }
    let promise: PrepareOK | undefined;
    try {
      promise = promiseOf(cluster, deposed);
    } catch {
      // It was the one to lead next: then it proposes nothing of the old epoch again.
    }
    expect(promise?.dataList ?? []).toEqual([]);
    cluster.elect();
    cluster.tick(50);
    for (const member of cluster.up) expect(log(member)).toEqual(log(cluster.member(deposed)));
  },
);

test("a leader that hears of a later epoch stops, learns how its own has ended, and orders nothing in it", () => {
  const { cluster, deposed, others } = withMinorityLog();
  // Its epoch's others are gone from it: only a heartbeat comes through.
  cluster.heal();
  cluster.tick(30);
  expect(cluster.status(deposed)).toMatchObject({ epoch: 1, role: "follower" });
  const order = log(cluster.member(others[0] ?? 0));
  for (const member of cluster.up) expect(log(member)).toEqual(order);
});

test("a new voter that has nothing yet promises and accepts nothing of its epoch", () => {
  const cluster = new Cluster(1).start();
  cluster.elect();
  cluster.propose(0, 7n, 1n);
  cluster.settle();
  const wanted: Change = {
    force: true,
    type: { case: "setMembers", value: { voters: [{ nodeId: 0n }, { nodeId: 1n, address: "node-1:2346" }] } },
  };
  change(cluster, 0, wanted);
  cluster.settle();
  const record = cluster.member(0).node?.epochRecord;
  if (record === undefined) throw new Error("node 0 is up");
  cluster.isolate(0);
  cluster.join(1, record);
  const messages = messagesOf(cluster);
  cluster.tick(400, 1);
  expect(cluster.status(1)).toMatchObject({ role: "follower", aru: 0 });
  expect(messages.filter(({ from, type }) => from === 1n && type.case !== "heartbeat")).toEqual([]);
  cluster.heal();
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ] as const) {
    cluster.introduce(from, to);
  }
  cluster.tickUntil(
    () => log(cluster.member(1)).length === 1 && cluster.leader() !== undefined,
    "both are level",
  );
});

test("a node that is removed serves its past until the new epoch does without it, and then retires", () => {
  const cluster = new Cluster(1).start();
  cluster.elect();
  for (let i = 1; i <= 3; i++) cluster.propose(0, 7n, BigInt(i));
  cluster.settle();
  const replaced: Change = {
    force: true,
    type: { case: "replace", value: { leaves: 0n, comes: 1n, address: "node-1:2346" } },
  };
  expect(change(cluster, 0, replaced)).toMatchObject({ kind: "proposed" });
  cluster.settle();
  cluster.tick(100);
  expect(cluster.status(0)).toMatchObject({ removed: true, retired: false, epoch: 1 });
  expect(cluster.propose(0, 7n, 9n)).toBe("removed");
  const record = cluster.member(0).node?.epochRecord;
  if (record === undefined) throw new Error("node 0 is up");
  cluster.join(1, record);
  // Restarted, it still knows that it has left, and serves.
  cluster.crash(0);
  cluster.start(0);
  cluster.introduce(0, 1);
  cluster.introduce(1, 0);
  cluster.tickUntil(
    () => log(cluster.member(1)).length === 3 && isLeader(cluster, 1),
    "node 1 has everything, and leads",
  );
  cluster.tickUntil(() => cluster.status(0).retired, "node 0 retires");
  // Later it is a stranger to them.
  cluster.crash(0);
  cluster.tick(51 * 60);
  cluster.start(0);
  cluster.introduce(0, 1);
  expect(cluster.member(0).out).toBe(true);
});
