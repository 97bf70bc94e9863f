// Safety rule 9: a linearizable read misses nothing that was answered to anybody before it was asked for.
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { MembershipChangeSchema, MessageSchema, type EpochRecord, type Message } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { Cluster, log, type InFlight } from "./cluster.js";

/** What nodes have been told to serve. */
class Reads {
  readonly served = new Map<number, number>();

  constructor(private readonly cluster: Cluster) {
    cluster.onReadable = (id, number) => this.served.set(id, number);
  }

  /** Asks for a read. The answer tells whether it is served by now. */
  ask(id: number): () => boolean {
    const result = this.cluster.member(id).node?.read();
    if (result?.kind !== "queued") throw new Error(`node ${id} takes no read: ${result?.kind}`);
    this.cluster.pump(id);
    return () => (this.served.get(id) ?? 0) >= result.number;
  }
}

function start(config: ConstructorParameters<typeof Cluster>[1] = {}) {
  const cluster = new Cluster(3, config).start();
  const leader = cluster.elect();
  cluster.tick(30);
  return { cluster, reads: new Reads(cluster), leader, others: [0, 1, 2].filter((id) => id !== leader) };
}

const kindOf = ({ bytes }: InFlight) => contentOf(bytes).case;
const contentOf = (bytes: Uint8Array): Message["type"] => fromBinary(MessageSchema, bytes).type;

test("reads at all nodes are served without a save, once a majority has answered", () => {
  const { cluster, reads } = start();
  const saves: number[] = [];
  cluster.onSaved = (id) => void saves.push(id);
  const served = [0, 1, 2].map((id) => reads.ask(id));
  cluster.settle();
  expect(served.map((isServed) => isServed())).toEqual([true, true, true]);
  expect(saves).toEqual([]);
});

test("what others know as ordered, and the leader does not yet, a read at the leader waits for", () => {
  const { cluster, reads, leader, others } = start();
  // The acceptances of the others reach each other, and not the leader.
  cluster.passes = (message) => message.to !== leader || kindOf(message) !== "accept";
  cluster.propose(leader, 7n, 1n);
  cluster.settle();
  expect(log(cluster.member(others[0] ?? 0))).toEqual(["7/1"]);
  expect(log(cluster.member(leader))).toEqual([]);
  const isServed = reads.ask(leader);
  cluster.settle();
  expect(isServed()).toBe(false);
  cluster.passes = () => true;
  cluster.tickUntil(isServed, "the read is served");
  expect(log(cluster.member(leader))).toEqual(["7/1"]);
});

test("a leader that is cut off serves nothing, nor does it once another one leads, until it follows that", () => {
  const { cluster, reads, leader, others } = start();
  cluster.isolate(leader);
  const isServed = reads.ask(leader);
  cluster.tickUntil(() => others.includes(cluster.leader() ?? leader), "another leader");
  cluster.propose(others[0] ?? 0, 7n, 1n);
  cluster.tick(20);
  expect(log(cluster.member(others[0] ?? 0))).toEqual(["7/1"]);
  expect(isServed()).toBe(false);
  cluster.heal();
  cluster.tickUntil(isServed, "the read is served");
  expect(log(cluster.member(leader))).toEqual(["7/1"]);
});

test("a voter that has promised a higher view does not confirm a lower one", () => {
  const { cluster, reads, leader, others } = start();
  const [first = 0, second = 0] = others;
  // The leader hears only the one that is about to promise something higher, and not of that.
  cluster.cut(leader, second);
  cluster.cut(second, leader);
  cluster.cut(leader, first);
  cluster.tickUntil(() => cluster.status(first).promised > cluster.status(leader).view, "a higher promise");
  cluster.cuts.delete(`${leader}>${first}`);
  cluster.passes = (message) =>
    message.from !== first || message.to !== leader || kindOf(message) === "viewConfirmed";
  const isServed = reads.ask(leader);
  cluster.settle();
  expect(isServed()).toBe(false);
});

test("once the leader has proposed a stop sign it serves nothing until the next epoch has begun", () => {
  const { cluster, reads, leader } = start();
  const epochs: number[] = [];
  cluster.passes = (message) => kindOf(message) !== "accept";
  const type = { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } } as const;
  cluster.member(leader).node?.changeMembership(create(MembershipChangeSchema, { changeId: 1n, type }));
  const isServed = reads.ask(leader);
  cluster.settle();
  cluster.onReadable = (id, number) => {
    reads.served.set(id, number);
    epochs.push(cluster.status(id).epoch);
  };
  expect(isServed()).toBe(false);
  cluster.passes = () => true;
  cluster.tickUntil(isServed, "the read is served");
  expect(epochs).toEqual([1]);
});

test("a leader that has proposed a stop sign serves nothing that the next epoch, which goes on without it, may have overtaken", () => {
  const { cluster, reads, leader, others } = start({ catchUpBytes: 1 });
  const ask = (changeId: bigint, type: MessageInitShape<typeof MembershipChangeSchema>["type"] & object) => {
    const change = create(MembershipChangeSchema, { changeId, type, force: true });
    expect(cluster.member(leader).node?.changeMembership(change)).toMatchObject({ kind: "proposed" });
    cluster.pump(leader);
  };
  ask(1n, { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } });
  cluster.tick(20);
  cluster.join(3, cluster.member(leader).node?.epochRecord as EpochRecord);
  cluster.tickUntil(() => cluster.status(3).aru === cluster.status(leader).aru, "node 3 is level");
  cluster.tick(20);
  // Node 3 alone takes over, and only that and one other node learn that it has.
  const [confirms = 0] = others;
  const cutOff = (id: number) => id === leader || id === confirms;
  const between = ["proposal", "confirmView", "viewConfirmed"];
  cluster.passes = (message) =>
    !cutOff(message.to) || (cutOff(message.from) && between.includes(kindOf(message) ?? ""));
  const voters = [{ nodeId: 3n }];
  ask(2n, { case: "setMembers", value: { voters } });
  cluster.tickUntil(
    () => cluster.status(3).epoch === 2 && cluster.status(3).role === "leader",
    "node 3 leads",
  );
  cluster.propose(3, 7n, 1n);
  cluster.tick(2);
  expect(log(cluster.member(3))).toEqual(["7/1"]);
  expect(cluster.status(leader)).toMatchObject({ epoch: 1, role: "leader" });
  const seen: string[][] = [];
  cluster.onReadable = (id) => void seen.push(log(cluster.member(id)));
  reads.ask(leader);
  cluster.settle();
  cluster.passes = () => true;
  cluster.tick(300);
  for (const log of seen) expect(log).toEqual(["7/1"]);
  // It is a member no more: what was asked is not served at all.
  expect(cluster.status(leader)).toMatchObject({ removed: true });
});

test("an answer to the process before is none to this one", () => {
  const { cluster, reads, others, leader } = start();
  const [reader = 0] = others;
  const answers: InFlight[] = [];
  cluster.passes = (message) => kindOf(message) !== "readIndexAnswer" || (answers.push(message), false);
  reads.ask(reader);
  cluster.settle();
  expect(answers.length).toBeGreaterThan(0);
  cluster.crash(reader);
  cluster.passes = (message) => message.to !== reader;
  cluster.propose(leader, 7n, 1n);
  cluster.settle();
  cluster.start(reader);
  const isServed = reads.ask(reader);
  cluster.network.push(...answers);
  cluster.settle();
  expect(isServed()).toBe(false);
  expect(cluster.status(reader).counters["stale_read_answer"]).toBeGreaterThan(0);
});

const leases = { leaseTicks: 30 };

test("with a lease the leader serves at once, and asks nobody; when it is over it asks again", () => {
  const { cluster, reads, leader } = start(leases);
  cluster.nowMs = 1_000;
  cluster.tick(20);
  const asked: string[] = [];
  cluster.passes = (message) => (asked.push(kindOf(message) ?? ""), true);
  expect(reads.ask(leader)()).toBe(true);
  expect(asked).not.toContain("confirmView");
  cluster.nowMs += 10 * 30;
  cluster.passes = () => false;
  expect(reads.ask(leader)()).toBe(false);
});

test("a voter bound by a lease promises nothing to another leader, also when it has been restarted; after it, it does", () => {
  const { cluster, leader, others } = start(leases);
  cluster.nowMs = 1_000;
  cluster.tick(11);
  const [bound = 0, rival = 0] = others;
  const view = cluster.status(leader).view;
  const next = [view + 1, view + 2, view + 3].find((each) => each % 3 === rival) ?? 0;
  const prepare = (): number => {
    const message = create(MessageSchema, {
      from: BigInt(rival),
      to: BigInt(bound),
      storeId: cluster.member(rival).disk.storeId,
      type: { case: "prepare", value: { nodeId: BigInt(rival), view: BigInt(next), localAru: 0n } },
    });
    cluster.member(bound).node?.step(message);
    cluster.pump(bound);
    return cluster.status(bound).promised;
  };
  expect(prepare()).toBe(view);
  cluster.crash(bound);
  cluster.start(bound);
  cluster.network.length = 0;
  expect(prepare()).toBe(view);
  for (let tick = 0; tick <= 30; tick++) cluster.member(bound).node?.tick();
  expect(prepare()).toBe(next);
});

test("a leader that hands over has no lease any more; the other leads without waiting for its end", () => {
  const { cluster, reads, leader, others } = start(leases);
  cluster.nowMs = 1_000;
  cluster.tick(11);
  const [to = 0] = others;
  expect(reads.ask(leader)()).toBe(true);
  expect(cluster.member(leader).node?.transferLeadership(to)).toMatchObject({ kind: "started" });
  cluster.passes = (message) => message.from !== leader || kindOf(message) === "leaderTransfer";
  cluster.pump(leader);
  expect(reads.ask(leader)()).toBe(false);
  cluster.settle();
  expect(cluster.leader()).toBe(to);
});
