// The safety rules of the design that show between nodes: 6 (execution) and 8 (lost disks).
import { expect, test } from "@jest/globals";
import { Random } from "../src/random.js";
import { Sessions } from "../src/sessions.js";
import { Cluster, log, type Member } from "./cluster.js";
import { LoneNode, storeOf } from "./lone-node.js";
import { MemoryDisk } from "./memory-disk.js";

// More: PAXOS_EXECUTION_SEEDS=1000 pnpm test safety-rules-of-clusters
const seeds = Number(process.env["PAXOS_EXECUTION_SEEDS"] ?? 5);

/** What a node's state machine executes since its start, the table of sessions before it. */
function execute(member: Member): { executed: string[]; duplicates: number } {
  const sessions = new Sessions();
  const executed: string[] = [];
  let duplicates = 0;
  member.applied.forEach((update, i) => {
    if (update.seq !== i + 1)
      throw new Error(`node ${member.id} was given seq ${update.seq} as number ${i + 1}`);
    if (update.noop) return;
    const { kind } = sessions.execute(update, () => new Uint8Array());
    if (kind === "executed") executed.push(`${update.clientId}/${update.timestamp}`);
    else duplicates++;
  });
  return { executed, duplicates };
}

/** Clients that try again through another node when an answer is slow, over nodes that crash and restart. */
class Clients {
  readonly #unanswered = new Set<bigint>();
  #timestamp = 0n;

  constructor(
    readonly cluster: Cluster,
    readonly random: Random,
  ) {}

  get sent(): string[] {
    return Array.from({ length: Number(this.#timestamp) }, (_, i) => `7/${i + 1}`);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.between(0, items.length - 1)] as T;
  }

  sendNew(): void {
    this.#send(++this.#timestamp);
  }

  /** Sends again what nobody has executed yet, and at times what somebody has. */
  sendAgain(): void {
    const answered = new Set(this.cluster.up.flatMap((member) => log(member)));
    for (const timestamp of this.#unanswered) {
      if (answered.has(`7/${timestamp}`) && this.random.between(0, 3) > 0) this.#unanswered.delete(timestamp);
      else this.#send(timestamp);
    }
  }

  #send(timestamp: bigint): void {
    this.#unanswered.add(timestamp);
    this.cluster.propose(this.pick(this.cluster.up).id, 7n, timestamp);
  }
}

function runClients(seed: number): Clients {
  const random = new Random(seed);
  const cluster = new Cluster(3, { runUpdates: 3, windowUpdates: 8, catchUpBytes: 100 });
  cluster.passes = () => random.between(0, 99) >= 3;
  const clients = new Clients(cluster.start(), random);
  for (let round = 0; round < 30; round++) {
    for (let i = random.between(0, 5); i > 0; i--) clients.sendNew();
    cluster.tick(random.between(0, 30));
    if (round % 3 === 0) {
      const down = cluster.members.filter(({ node }) => node === undefined).map(({ id }) => id);
      if (down.length > 0) cluster.start(...down);
      // The leader more often than others, its updates in flight.
      else cluster.crash(random.between(0, 2) > 0 ? (cluster.leader() ?? 0) : random.between(0, 2));
    }
    clients.sendAgain();
  }
  cluster.passes = () => true;
  cluster.start(...cluster.members.filter(({ node }) => node === undefined).map(({ id }) => id));
  cluster.tickUntil(
    () => {
      clients.sendAgain();
      return cluster.up.every((member) => new Set(log(member)).size === clients.sent.length);
    },
    "every update is executed everywhere",
    3000,
  );
  cluster.tickUntil(
    () => new Set(cluster.up.map(({ id }) => cluster.status(id).aru)).size === 1,
    "equal ARUs",
  );
  return clients;
}

test("rule 6: every update is executed exactly once, in one order, over crashes and retries through other nodes", () => {
  let duplicates = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const { cluster, sent } = runClients(seed);
    const [first, ...others] = cluster.members.map(execute);
    if (first === undefined) throw new Error("no node");
    for (const other of others) expect(other).toEqual(first);
    expect([...first.executed].sort()).toEqual([...sent].sort());
    duplicates += first.duplicates;
    // From the disks alone, too.
    cluster.crash(0, 1, 2);
    cluster.start();
    for (const member of cluster.members)
      expect(execute(member).executed.slice(0, 20)).toEqual(first.executed.slice(0, 20));
  }
  // Without retries that were ordered twice this would show little.
  expect(duplicates).toBeGreaterThan(seeds);
});

test("rule 6: after a restart everything ordered comes out again from seq 1 on, and then what is new", () => {
  const cluster = new Cluster(3, { catchUpBytes: 40 }).start();
  const leader = cluster.elect();
  for (let timestamp = 1n; timestamp <= 20n; timestamp++) cluster.propose(leader, 7n, timestamp);
  const follower = (leader + 1) % 3;
  cluster.tick(30);
  cluster.crash(follower);
  for (let timestamp = 21n; timestamp <= 30n; timestamp++) cluster.propose(leader, 7n, timestamp);
  cluster.tick(5);
  cluster.start(follower);
  cluster.tickUntil(() => log(cluster.member(follower)).length === 30, "caught up");
  expect(cluster.member(follower).applied).toEqual(cluster.member(leader).applied);
});

test("rule 8: storage that is not the one on record is refused, and the error says how to replace the member", () => {
  const node = new LoneNode(1, 3).meet(2);
  expect(
    node.node.admit({ nodeId: 2, storeId: storeOf(2), incarnation: 1n, saveHistory: new Uint8Array() }),
  ).toBeUndefined();
  for (const storeId of [4711n, 0n]) {
    expect(
      node.node.admit({ nodeId: 2, storeId, incarnation: 1n, saveHistory: new Uint8Array() }),
    ).toMatchObject({
      reason: "store",
      detail: expect.stringMatching(/original data directory.*replace the member/),
    });
  }
  node.restart();
  expect(
    node.node.admit({ nodeId: 2, storeId: 4711n, incarnation: 1n, saveHistory: new Uint8Array() })?.reason,
  ).toBe("store");
});

/** Three nodes that have ordered something and know each other's stores; then one loses its disk. */
function loseDisk(): { cluster: Cluster; lost: number; others: [number, number] } {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  cluster.propose(leader, 7n, 1n);
  cluster.tickUntil(
    () => cluster.up.every(({ id }) => cluster.status(id).storesRecorded),
    "stores recorded",
    50,
  );
  const lost = (leader + 1) % 3;
  cluster.crash(lost);
  cluster.member(lost).disk = new MemoryDisk(4711n);
  cluster.start(lost);
  return { cluster, lost, others: [leader, (leader + 2) % 3] };
}

test("rule 8: a node with an emptied disk does not vote: without it there is no quorum", () => {
  const { cluster, lost, others } = loseDisk();
  cluster.crash(others[1]);
  const view = cluster.status(others[0]).view;
  cluster.propose(others[0], 7n, 2n);
  cluster.tick(1000);
  expect(log(cluster.member(others[0]))).toEqual(["7/1"]);
  expect([cluster.leader(), cluster.status(others[0]).role]).toEqual([undefined, "electing"]);
  expect(cluster.status(others[0]).counters["wrong_store"]).toBeGreaterThan(10);
  expect(cluster.status(others[0]).promised).toBe(view);
  expect(cluster.status(lost).aru).toBe(0);
});

test("rule 8: nor after all others have restarted; with them the cluster goes on without it", () => {
  const { cluster, lost, others } = loseDisk();
  cluster.crash(...others);
  cluster.start(...others);
  cluster.tickUntil(() => cluster.leader() !== undefined, "the others elect a leader", 500);
  cluster.propose(others[0], 7n, 2n);
  cluster.tickUntil(
    () => others.every((id) => log(cluster.member(id)).length === 2),
    "the others order",
    500,
  );
  cluster.tick(500);
  expect(others).toContain(cluster.leader());
  expect(cluster.status(lost).role).not.toBe("leader");
  for (const id of others) expect(cluster.status(id).counters["wrong_store"]).toBeGreaterThan(0);
});

test("rule 8: holds from the moment that every voter is on record at all others, which is told and logged", () => {
  const lines: string[] = [];
  const cluster = new Cluster(3);
  cluster.onLog = (id, line) => {
    if (line.startsWith("the storage of every voter is on record")) lines.push(`node ${id}`);
  };
  cluster.start(0, 1);
  cluster.elect();
  cluster.tick(100);
  expect([0, 1].map((id) => cluster.status(id).storesRecorded)).toEqual([false, false]);
  cluster.start(2);
  cluster.tickUntil(
    () => cluster.up.every(({ id }) => cluster.status(id).storesRecorded),
    "stores recorded",
    50,
  );
  expect(lines.sort()).toEqual(["node 0", "node 1", "node 2"]);
});
