// Disks and links that are slow, and answers that come late: nothing must grow, and nothing must be tried for
// ever.
import { create, fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { MessageSchema } from "@paxos/proto";
import { Cluster, type InFlight } from "./cluster.js";
import { LoneNode, proposal, update } from "./lone-node.js";

test.each([0, 20, 35, 45, 55, 70])("a node catches up although answers take %d ticks", (delay) => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const laggard = (leader + 1) % 3;
  cluster.crash(laggard);
  for (let i = 1n; i <= 50n; i++) cluster.propose(leader, 7n, i);
  cluster.tick(20);

  const late: { readonly due: number; readonly message: InFlight }[] = [];
  let now = 0;
  let passing = false;
  cluster.passes = (message) => {
    const answers = fromBinary(MessageSchema, message.bytes).type.case === "catchUpAnswer";
    if (message.to !== laggard || !answers || passing) return true;
    late.push({ due: now + delay, message });
    return false;
  };
  cluster.start(laggard);
  const level = () => cluster.status(laggard).aru >= cluster.status(leader).aru;
  for (; !level() && now < 1000; now++) {
    cluster.tick(1);
    passing = true;
    while (late[0] !== undefined && late[0].due <= now)
      cluster.network.push((late.shift() as (typeof late)[0]).message);
    passing = false;
    cluster.settle();
  }
  expect(now).toBeLessThan(delay + 60);
});

// Phase 1 needs two saves in a row. With saves that take longer than the timeout, timeouts must grow until
// they fit.
test.each([10, 40, 70, 100])("a leader is elected although saves take %d ticks", (duration) => {
  const cluster = new Cluster(3);
  for (const member of cluster.members) member.slowDisk = true;
  cluster.start();
  const begun = new Map<number, { readonly number: number; readonly tick: number }>();
  let now = 0;
  for (; cluster.leader() === undefined && now < 6000; now++) {
    cluster.tick(1);
    for (const { id, pending } of cluster.members) {
      const save = begun.get(id);
      if (pending !== undefined && save?.number !== pending.number)
        begun.set(id, { number: pending.number, tick: now });
      else if (pending !== undefined && save !== undefined && now - save.tick >= duration) cluster.flush(id);
    }
    cluster.settle();
  }
  expect(cluster.leader()).toBeDefined();
  expect(now).toBeLessThan(4000);
});

test("what waits for a hung disk of a follower is bounded, and it comes level when the disk moves again", () => {
  const windowUpdates = 16;
  const cluster = new Cluster(3, { windowUpdates }).start();
  const leader = cluster.elect();
  const follower = (leader + 1) % 3;
  cluster.member(follower).slowDisk = true;
  for (let i = 1n; i <= 1000n; i++) {
    cluster.propose(leader, 7n, i);
    cluster.settle();
    if (i % 50n === 0n) cluster.tick(1);
  }
  expect(cluster.status(leader).aru).toBeGreaterThan(1000);
  cluster.flush(follower);
  const queued = cluster.member(follower).pending?.runs ?? [];
  expect(queued.length).toBeGreaterThan(0);
  expect(queued.length).toBeLessThanOrEqual(2 * windowUpdates + 1);
  cluster.member(follower).slowDisk = false;
  cluster.flush(follower);
  cluster.tickUntil(
    () => cluster.status(follower).aru === cluster.status(leader).aru,
    "the follower is level",
    200,
  );
});

// Otherwise the ARU could pass what the leader has proposed, and it would propose seqs that are ordered
// already.
test("a leader takes no answer to what it asked before it led", () => {
  const node = new LoneNode(1, 3, { windowUpdates: 2 }).meet();
  const four = [1, 2, 3, 4].map((timestamp) => update(timestamp));
  // Behind node 0 for more than a heartbeat: it asks, and the answer takes its time.
  node.receive(0, {
    case: "heartbeat",
    value: { view: 2n, localAru: 4n, promisedView: 2n, hearsQuorum: true },
  });
  node.tick(14);
  expect(node.take("catchUpRequest")).toMatchObject([{ to: 0, seq: 1n }]);
  node
    .receive(2, { case: "viewChange", value: { nodeId: 2n, attemptedView: 4n, hearsQuorum: true } })
    .flushAll();
  const accepted = create(MessageSchema, { type: proposal(2, 2, 1, ...four) as never });
  node.receive(2, { case: "prepareOk", value: { nodeId: 2n, view: 4n, dataList: [accepted] } });
  expect(node.status.role).toBe("leader");
  node.receive(0, {
    case: "catchUpAnswer",
    value: { nodeId: 0n, seq: 1n, updates: four, localAru: 4n, firstSeq: 1n },
  });
  expect(node.status).toMatchObject({ role: "leader", aru: 0, counters: { unasked_answer: 1 } });
  node.flushAll();
  node.receive(2, { case: "accept", value: { nodeId: 2n, view: 4n, seq: 2n } });
  expect(node.status.aru).toBe(2);
});
