// Elections and their absence, under crashes, cuts and losses: the network scenarios of the Go library, and
// those that a stable leader adds.
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { MessageSchema, RefusalReason } from "@paxos/proto";
import type { Config } from "../src/config.js";
import { Random } from "../src/random.js";
import { Cluster, log } from "./cluster.js";
import { LoneNode, update } from "./lone-node.js";

// More: PAXOS_SCENARIO_SEEDS=1000 pnpm test network-scenarios
const factor = Number(process.env["PAXOS_SCENARIO_SEEDS"] ?? 1);
const seeds = (count: number): number[] => Array.from({ length: count * factor }, (_, i) => i + 1);

function makeCluster(size: number, seed = 1, config: Partial<Config> = {}): Cluster {
  const cluster = new Cluster(size, config);
  cluster.firstSeed = 100 * seed;
  return cluster;
}

/** The leader that all of these follow. */
function leaderOf(cluster: Cluster, ids: readonly number[]): number | undefined {
  const leaders = new Set(ids.map((id) => cluster.status(id).leader));
  const [leader] = leaders;
  const leads = cluster.up.some(({ id }) => id === leader && cluster.status(id).role === "leader");
  return leaders.size === 1 && leads ? leader : undefined;
}

function expectElection(cluster: Cluster, ids: readonly number[], ticks = 1000): number {
  return cluster.tickUntil(
    () => leaderOf(cluster, ids) !== undefined,
    `a leader of ${ids.join(", ")}`,
    ticks,
  );
}

/** An update handed in at one of these nodes is applied by all of them. */
function expectOrdered(cluster: Cluster, ids: readonly number[], timestamp: bigint, ticks = 300): number {
  cluster.propose(ids[0] as number, 7n, timestamp);
  return cluster.tickUntil(
    () => ids.every((id) => log(cluster.member(id)).includes(`7/${timestamp}`)),
    `7/${timestamp} is applied by ${ids.join(", ")}`,
    ticks,
  );
}

function others(cluster: Cluster, ...ids: number[]): number[] {
  return cluster.members.map(({ id }) => id).filter((id) => !ids.includes(id));
}

/** Which views have been led. */
function watchLed(cluster: Cluster): Set<bigint> {
  const led = new Set<bigint>();
  cluster.onSaved = (_, { state }) => {
    if (state.ledView !== undefined) led.add(state.ledView);
  };
  return led;
}

function subsets(size: number, count: number): number[][] {
  if (count === 0) return [[]];
  return Array.from({ length: size }, (_, id) => id).flatMap((id) =>
    subsets(id, count - 1).map((rest) => [...rest, id]),
  );
}

const unavailable = [0, 1, 2].flatMap((count) => subsets(5, count));

test.each(unavailable.map((ids) => [ids]))("five nodes, %j crashed: the others elect and order", (ids) => {
  const cluster = makeCluster(5);
  const up = others(cluster, ...ids);
  cluster.start(...up);
  expectElection(cluster, up);
  expectOrdered(cluster, up, 1n);
});

test.each(unavailable.map((ids) => [ids]))("five nodes, %j isolated: the others elect and order", (ids) => {
  const cluster = makeCluster(5);
  for (const id of ids) cluster.isolate(id);
  cluster.start();
  const connected = others(cluster, ...ids);
  expectElection(cluster, connected);
  expectOrdered(cluster, connected, 1n);
  for (const id of ids) expect(cluster.status(id)).toMatchObject({ role: "electing", aru: 0 });
});

test.each(["crashed", "isolated"])("five nodes, three %s: nobody leads within 5,000 ticks", (how) => {
  for (const seed of seeds(1)) {
    const random = new Random(seed);
    const ids = subsets(5, 3)[random.between(0, 9)] ?? [];
    const cluster = makeCluster(5, seed);
    const led = watchLed(cluster);
    if (how === "isolated") for (const id of ids) cluster.isolate(id);
    cluster.start(...(how === "crashed" ? others(cluster, ...ids) : []));
    cluster.tick(5000);
    expect(led.size).toBe(0);
    for (const { id } of cluster.up) expect(cluster.status(id)).toMatchObject({ role: "electing", aru: 0 });
  }
});

test("a cluster that loses its majority stops, and goes on when one node comes back", () => {
  const cluster = makeCluster(5).start();
  const leader = cluster.elect();
  const [first, ...gone] = others(cluster, leader).slice(0, 3) as [number, number, number];
  const { view } = cluster.status(leader);
  cluster.crash(first, ...gone);
  const led = watchLed(cluster);
  cluster.tick(2000);
  expect([...led].filter((other) => other !== BigInt(view))).toEqual([]);
  expect(cluster.leader()).toBeUndefined();
  cluster.start(first);
  const up = others(cluster, ...gone);
  expectElection(cluster, up);
  expectOrdered(cluster, up, 1n);
});

test("with one in ten messages lost, elections succeed and updates are ordered", () => {
  for (const seed of seeds(10)) {
    const random = new Random(seed);
    const cluster = makeCluster(5, seed);
    cluster.passes = () => random.between(1, 10) > 1;
    cluster.start();
    expectElection(cluster, others(cluster), 600);
    expectOrdered(cluster, others(cluster), 1n, 600);
  }
});

test("with all messages lost nobody leads", () => {
  const cluster = makeCluster(5);
  cluster.passes = () => false;
  const led = watchLed(cluster);
  cluster.start().tick(5000);
  expect(led.size).toBe(0);
});

/** The views that nodes say they attempt, each with the tick of its first attempt. */
function watchAttempts(cluster: Cluster): { views: () => number[] } {
  const views = new Set<number>();
  cluster.onLog = (_, line) => {
    const view = /^attempts view (\d+)/.exec(line)?.[1];
    if (view !== undefined) views.add(Number(view));
  };
  return { views: () => [...views].sort((a, b) => a - b) };
}

// View 1 is attempted before anybody is heard. Then each timer that expires leads to a view whose leader is
// up.
test.each([
  [[], [1]],
  [[1], [1, 2]],
  [
    [1, 2],
    [1, 3],
  ],
  [
    [1, 2, 3],
    [1, 4],
  ],
  [
    [1, 3, 4],
    [1, 2],
  ],
])("seven nodes, %j down from the start: the views attempted are %j", (down, attempted) => {
  for (const seed of seeds(5)) {
    const cluster = makeCluster(7, seed);
    const attempts = watchAttempts(cluster);
    const up = others(cluster, ...down);
    cluster.start(...up);
    const ticks = expectElection(cluster, up, 400);
    expect([attempts.views(), cluster.status(up[0] as number).view]).toEqual([attempted, attempted.at(-1)]);
    // One expired timer, jitter included, is enough.
    expect(ticks).toBeLessThanOrEqual(down.length === 0 ? 1 : 100);
  }
});

test("seven nodes, one leader after another dies: each time the next fit one is elected, dead ones are skipped", () => {
  const cluster = makeCluster(7).start();
  const attempts = watchAttempts(cluster);
  expect(cluster.elect()).toBe(1);
  // Node 2 dies unnoticed by those who elect: it is heard no more when the timers expire.
  cluster.crash(1, 2);
  expectElection(cluster, others(cluster, 1, 2));
  expect([cluster.leader(), attempts.views()]).toEqual([3, [3]]);
  cluster.crash(3);
  expectElection(cluster, others(cluster, 1, 2, 3));
  expect([cluster.leader(), attempts.views()]).toEqual([4, [3, 4]]);
});

test("while no quorum can be reached the timeout does not grow, and the leader is there soon after the majority is", () => {
  const cluster = makeCluster(5);
  let attempts = 0;
  cluster.onLog = (id, line) => {
    if (id === 0 && line.startsWith("attempts view")) attempts++;
  };
  cluster.start(0, 1).tick(5000);
  // A timeout of 60 ticks and a jitter of 30 at most.
  expect(attempts).toBeGreaterThanOrEqual(50);
  cluster.start(2);
  expect(expectElection(cluster, [0, 1, 2], 400)).toBeLessThan(100);
});

test("a proof ends an attempt when it comes from a node that hears the leader itself, not from hearsay", () => {
  const node = new LoneNode(2, 3).meet();
  node
    .receive(1, { case: "prepare", value: { view: 4n } })
    .flushAll()
    .tick(100);
  const { view } = node.status;
  const proof = (hearsLeader: boolean) => ({
    case: "viewChangeProof" as const,
    value: { installedView: 4n, hearsLeader },
  });
  node.receive(0, proof(false));
  expect(node.status).toMatchObject({ role: "electing", view });
  node.receive(0, proof(true));
  expect(node.status).toMatchObject({ role: "follower", view: 4 });
});

test("what is lost on its way is sent again: proposals, acceptances, forwarded updates", () => {
  for (const kind of ["proposal", "accept", "clientUpdate"]) {
    const cluster = makeCluster(3).start();
    const leader = cluster.elect();
    const follower = (leader + 1) % 3;
    cluster.tick(30);
    let lost = 0;
    cluster.passes = ({ bytes }) => {
      if (fromBinary(MessageSchema, bytes).type.case !== kind) return true;
      lost++;
      return false;
    };
    cluster.propose(follower, 7n, 1n);
    cluster.settle();
    expect([log(cluster.member(leader)), lost > 0]).toEqual([[], true]);
    cluster.passes = () => true;
    cluster.tickUntil(() => cluster.up.every((member) => log(member).length === 1), `${kind} again`, 40);
    expect(cluster.status(follower)).toMatchObject({ leader, view: 1 });
  }
});

test("an idle cluster keeps its leader and view for an hour of ticks", () => {
  const cluster = makeCluster(3).start();
  cluster.encodes = false;
  const leader = cluster.elect();
  const attempts = watchAttempts(cluster);
  const view = cluster.status(leader).view;
  cluster.tick(360_000);
  expect(attempts.views()).toEqual([]);
  for (const { id } of cluster.up) expect(cluster.status(id)).toMatchObject({ view, leader, aru: 1 });
});

/**
 * How many ticks pass from the leader's crash until an update handed in at that moment is applied by all
 * others.
 */
function recover(size: number, seed: number): number {
  const cluster = makeCluster(size, seed).start();
  const leader = cluster.elect();
  cluster.tick(new Random(seed).between(0, 100));
  cluster.crash(leader);
  return expectOrdered(cluster, others(cluster, leader), 1n, 1000);
}

test.each([
  [3, 50],
  [5, 10],
])("%d nodes order again within 150 ticks of the leader's crash, over %d seeds", (size, count) => {
  const ticks = seeds(count)
    .map((seed) => recover(size, seed))
    .sort((a, b) => a - b);
  expect(ticks.at(-1)).toBeLessThan(150);
  // No sooner than the timeout: a live leader is given that time.
  expect(ticks[0]).toBeGreaterThanOrEqual(50);
});

test("one node leads at once, and after each restart", () => {
  const cluster = makeCluster(1).start();
  for (let timestamp = 1n; timestamp <= 5n; timestamp++) {
    expect(cluster.leader()).toBe(0);
    expect(expectOrdered(cluster, [0], timestamp)).toBe(0);
    cluster.crash(0);
    cluster.start(0);
  }
  expect(log(cluster.member(0))).toEqual(["7/1", "7/2", "7/3", "7/4", "7/5"]);
});

test("two nodes order together, neither alone, and again when both are back", () => {
  const cluster = makeCluster(2).start();
  const leader = cluster.elect();
  expectOrdered(cluster, [0, 1], 1n);
  for (const [round, id] of [leader, 1 - leader].entries()) {
    cluster.crash(id);
    const rest = 1 - id;
    const { aru } = cluster.status(rest);
    cluster.propose(rest, 7n, BigInt(2 + round));
    cluster.tick(1000);
    expect(cluster.status(rest)).toMatchObject({ aru, role: "electing", leader: undefined });
    cluster.start(id);
    expectElection(cluster, [0, 1]);
    expectOrdered(cluster, [0, 1], BigInt(10 + round));
  }
  expect([...log(cluster.member(0))].sort()).toEqual(["7/1", "7/10", "7/11", "7/2", "7/3"]);
});

test("a cut of half a second between a follower and the others, in either direction, changes no leader", () => {
  for (const seed of seeds(10)) {
    for (const direction of ["deaf", "mute"] as const) {
      const random = new Random(seed);
      const cluster = makeCluster(3, seed).start();
      const leader = cluster.elect();
      const attempts = watchAttempts(cluster);
      cluster.tick(random.between(50, 100));
      const follower = (leader + random.between(1, 2)) % 3;
      silence(cluster, follower, direction);
      cluster.tick(50);
      cluster.heal();
      cluster.tick(200);
      expect(attempts.views()).toEqual([]);
      expect(leaderOf(cluster, [0, 1, 2])).toBe(leader);
    }
  }
});

function silence(cluster: Cluster, id: number, direction: "deaf" | "mute"): void {
  for (const other of others(cluster, id)) {
    if (direction === "deaf") cluster.cut(other, id);
    else cluster.cut(id, other);
  }
}

test.each([
  [3, "deaf"],
  [3, "mute"],
  [5, "deaf"],
  [5, "mute"],
] as const)("of %d nodes one is %s for ever: the others keep their leader and go on", (size, direction) => {
  for (const seed of seeds(size === 3 ? 3 : 1)) {
    const cluster = makeCluster(size, seed).start();
    const leader = cluster.elect();
    const { view } = cluster.status(leader);
    const ill = (leader + seed) % size === leader ? (leader + 1) % size : (leader + seed) % size;
    const led = watchLed(cluster);
    silence(cluster, ill, direction);
    const well = others(cluster, ill);
    for (let timestamp = 1n; timestamp <= 20n; timestamp++) {
      expectOrdered(cluster, well, timestamp);
      cluster.tick(100);
      for (const id of well) expect(cluster.status(id)).toMatchObject({ leader, view });
    }
    expect([...led]).toEqual([BigInt(view)]);
    // Healed, it joins again and has everything.
    cluster.heal();
    cluster.tickUntil(() => log(cluster.member(ill)).length === 20, "the ill one has caught up", 300);
    for (const id of well) expect(cluster.status(id)).toMatchObject({ leader, view });
  }
});

test("the leader itself deaf or mute is replaced, and comes back as a follower", () => {
  for (const direction of ["deaf", "mute"] as const) {
    const cluster = makeCluster(3).start();
    const leader = cluster.elect();
    silence(cluster, leader, direction);
    const well = others(cluster, leader);
    expectElection(cluster, well, 300);
    expectOrdered(cluster, well, 1n);
    cluster.heal();
    const next = cluster.leader();
    cluster.tickUntil(() => leaderOf(cluster, [0, 1, 2]) === next, "the old leader follows", 300);
  }
});

test.each([0, 5, 50, 200])("the restart of a follower after %d ticks forces no election", (ticks) => {
  for (const seed of seeds(3)) {
    const cluster = makeCluster(3, seed).start();
    const leader = cluster.elect();
    const { view } = cluster.status(leader);
    cluster.tick(seed);
    const attempts = watchAttempts(cluster);
    const follower = (leader + 1 + (seed % 2)) % 3;
    cluster.crash(follower);
    cluster.tick(ticks);
    cluster.start(follower);
    cluster.tick(300);
    expect(attempts.views()).toEqual([]);
    for (const id of [0, 1, 2]) expect(cluster.status(id)).toMatchObject({ leader, view });
  }
});

test("when the leader restarts it says so, and the others elect at once, without waiting for the timeout", () => {
  for (const seed of seeds(10)) {
    for (const size of [3, 5]) {
      const cluster = makeCluster(size, seed).start();
      const leader = cluster.elect();
      cluster.tick(20 + seed);
      cluster.crash(leader);
      cluster.tick(seed % 5);
      cluster.start(leader);
      expect(expectElection(cluster, others(cluster), 200)).toBeLessThan(30);
      expectOrdered(cluster, others(cluster), 1n);
    }
  }
});

test("updates handed in after the leader has died do not put off noticing it", () => {
  for (const seed of seeds(10)) {
    const cluster = makeCluster(3, seed).start();
    const leader = cluster.elect();
    cluster.tick(100);
    cluster.crash(leader);
    // A timeout of 60 ticks and its jitter count from the last heartbeat, not from the update.
    for (let tick = 0; tick < 95; tick++) {
      for (const { id } of cluster.up) if (tick === 50) cluster.propose(id, BigInt(id + 1), 1n);
      cluster.tick(1);
    }
    expect(cluster.up.map(({ id }) => cluster.status(id).view)).toEqual([2, 2]);
  }
});

test("a node that was away catches up while updates go on", () => {
  for (const how of ["crashed", "isolated"] as const) {
    const cluster = makeCluster(3, 1, { catchUpBytes: 500, windowUpdates: 32 }).start();
    const leader = cluster.elect();
    const away = (leader + 1) % 3;
    if (how === "crashed") cluster.crash(away);
    else cluster.isolate(away);
    let timestamp = 0n;
    const busy = (ticks: number): void => {
      for (let i = 0; i < ticks; i++) {
        cluster.propose(leader, 7n, ++timestamp);
        cluster.tick(1);
      }
    };
    busy(400);
    if (how === "crashed") cluster.start(away);
    else cluster.heal();
    let rounds = 0;
    while (cluster.status(away).aru < cluster.status(leader).aru - 2) {
      if (rounds++ > 200)
        throw new Error(`${how}: ${cluster.status(leader).aru - cluster.status(away).aru} behind`);
      busy(1);
    }
    // From then on it takes part in what goes on.
    busy(50);
    cluster.tick(30);
    expect(cluster.member(away).applied).toEqual(cluster.member(leader).applied);
    expect(log(cluster.member(away))).toHaveLength(Number(timestamp));
    expect(cluster.status(leader)).toMatchObject({ role: "leader", leader });
  }
});

test("queues are bounded: a leader that cannot order answers busy, and followers ask it again", () => {
  const cluster = makeCluster(3, 1, { windowUpdates: 4 }).start();
  const leader = cluster.elect();
  const follower = (leader + 1) % 3;
  // Proposals arrive, acceptances do not: the leader's window fills, then its queue.
  cluster.tick(20);
  for (const member of cluster.members) member.slowDisk = true;
  const own = Array.from({ length: 12 }, (_, i) => cluster.propose(leader, 1n, BigInt(i)));
  expect(own).toEqual([
    ...Array.from({ length: 8 }, () => "queued"),
    ...Array.from({ length: 4 }, () => "busy"),
  ]);
  const forwarded = Array.from({ length: 12 }, (_, i) => cluster.propose(follower, 2n, BigInt(i)));
  expect(forwarded).toEqual(own);
  cluster.settle();
  // The updates that it refuses may have been taken for all that, had the network doubled them: they go on waiting.
  expect(cluster.member(follower).refusals).toEqual([]);
  expect([cluster.status(leader).waitingUpdates, cluster.status(follower).waitingUpdates]).toEqual([8, 8]);
  for (const member of cluster.members) {
    member.slowDisk = false;
    cluster.flush(member.id);
  }
  cluster.tick(30);
  expect(log(cluster.member(follower))).toHaveLength(16);
  expectOrdered(cluster, [follower, leader], 1n);
});

test("an update too large for the leader is refused, and the follower stops waiting for it", () => {
  const leader = new LoneNode(1, 3, { updateBytes: 10 }).meet().lead(1, 0, 2);
  leader.receive(0, { case: "clientUpdate", value: update(1, "x".repeat(11)) });
  const [refusal] = leader.take("updateRefusal");
  expect(refusal).toMatchObject({ to: 0, clientId: 7n, timestamp: 1n, reason: RefusalReason.TOO_LARGE });

  const follower = new LoneNode(0, 3).meet();
  follower.receive(1, { case: "heartbeat", value: { view: 1n, leading: true, promisedView: 1n } });
  follower.propose(1, "x".repeat(11));
  expect(follower.take("clientUpdate")).toHaveLength(1);
  const value = { clientId: 7n, timestamp: 1n, reason: RefusalReason.TOO_LARGE };
  // Only its leader's word counts, and only about updates of its own.
  follower.receive(2, { case: "updateRefusal", value });
  follower.receive(1, { case: "updateRefusal", value: { ...value, timestamp: 2n } });
  expect([follower.refusals, follower.status.waitingUpdates]).toEqual([[], 1]);
  follower.receive(1, { case: "updateRefusal", value });
  expect(follower.refusals).toEqual([{ clientId: 7n, timestamp: 1n, code: "too_large" }]);
  expect(follower.status.waitingUpdates).toBe(0);
});

test("an update that was sent more than once and then found too large may have been taken by an earlier leader", () => {
  const follower = new LoneNode(0, 3).meet();
  const heartbeat = () =>
    follower.receive(1, { case: "heartbeat", value: { view: 1n, leading: true, promisedView: 1n } });
  heartbeat();
  follower.propose(1);
  for (let sent = 0; sent < 2; follower.tick(1)) {
    heartbeat();
    sent += follower.take("clientUpdate").length;
  }
  const value = { clientId: 7n, timestamp: 1n, reason: RefusalReason.TOO_LARGE };
  follower.receive(1, { case: "updateRefusal", value });
  expect(follower.refusals).toEqual([{ clientId: 7n, timestamp: 1n, code: "unavailable" }]);
});

// The network may have doubled it: one copy taken and executed, the other one refused. A client that heard of the refusal
// would take its update for not executed.
test("an update for which the leader is too busy is not said to be refused, even if it was sent once", () => {
  const follower = new LoneNode(0, 3).meet();
  const heartbeat = () =>
    follower.receive(1, { case: "heartbeat", value: { view: 1n, leading: true, promisedView: 1n } });
  heartbeat();
  for (let timestamp = 1; timestamp <= 500; timestamp++) follower.propose(timestamp);
  expect(follower.take("clientUpdate")).toHaveLength(500);
  for (let timestamp = 1n; timestamp <= 500n; timestamp++) {
    const value = { clientId: 7n, timestamp, reason: RefusalReason.BUSY };
    follower.receive(1, { case: "updateRefusal", value });
  }
  expect(follower.refusals).toEqual([]);
  expect(follower.status.waitingUpdates).toBe(500);
  // All of them are sent again with the next heartbeat, not a few at a time with back-off.
  heartbeat();
  follower.tick(11);
  expect(follower.take("clientUpdate")).toHaveLength(500);
});

// Found by the simulator: seed 1003468 of its profile "hostile", at that time.
test("a leader that is too busy for an update sent twice is asked again, and not replaced", () => {
  const follower = new LoneNode(0, 3).meet();
  const heartbeat = () => {
    for (const peer of [1, 2]) {
      follower.receive(peer, {
        case: "heartbeat",
        value: { view: 1n, leading: peer === 1, promisedView: 1n },
      });
    }
  };
  heartbeat();
  follower.propose(1);
  const refusal = { clientId: 7n, timestamp: 1n, reason: RefusalReason.BUSY };
  let sent = 0;
  follower.take("viewChange");
  for (let tick = 0; tick < 1000; tick++) {
    follower.tick(1);
    if (tick % 10 === 0) heartbeat();
    const forwarded = follower.take("clientUpdate").length;
    sent += forwarded;
    // The first copy is not heard of; those after it are refused.
    if (forwarded > 0 && sent > 1) follower.receive(1, { case: "updateRefusal", value: refusal });
  }
  expect(follower.take("viewChange")).toEqual([]);
  expect(follower.status).toMatchObject({ role: "follower", view: 1, waitingUpdates: 1 });
  expect(sent).toBeGreaterThan(30);
  expect(follower.refusals).toEqual([]);
});
