// The safety rules of the design that one node can break: 1 to 5. Rules 6 and 8 are in
// safety-rules-of-clusters.test.ts, rule 7 has nothing to say while the membership is fixed.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { EpochRecordSchema, type Message } from "@paxos/proto";
import type { MessageContent } from "../src/outbox.js";
import { Cluster, log } from "./cluster.js";
import { LoneNode, proposal, storeOf, update } from "./lone-node.js";

function prepare(view: number, localAru = 0): MessageContent {
  return { case: "prepare", value: { view: BigInt(view), localAru: BigInt(localAru) } };
}

function accept(view: number, seq: number): MessageContent {
  return { case: "accept", value: { view: BigInt(view), seq: BigInt(seq) } };
}

function viewChange(view: number): MessageContent {
  return { case: "viewChange", value: { attemptedView: BigInt(view), hearsQuorum: true } };
}

function prepareOK(view: number, localAru = 0, ...data: MessageContent[]): MessageContent {
  const dataList = data.map((type) => ({ type }));
  return { case: "prepareOk", value: { view: BigInt(view), localAru: BigInt(localAru), dataList } };
}

function catchUpAnswer(seq: number, ...updates: Uint8Array[]): MessageContent {
  const end = BigInt(seq + updates.length - 1);
  return { case: "catchUpAnswer", value: { seq: BigInt(seq), updates, localAru: end, firstSeq: 1n } };
}

/** A peer's ARU is heard, and with it that this node is behind: it asks for what it lacks, and gets it. */
function learn(node: LoneNode, from: number, seq: number, ...updates: Uint8Array[]): void {
  const localAru = BigInt(seq + updates.length - 1);
  node.receive(from, { case: "heartbeat", value: { localAru } }).tick(20);
  expect(node.take("catchUpRequest")).toMatchObject([{ to: from, seq: BigInt(seq) }]);
  node.receive(from, catchUpAnswer(seq, ...updates));
  expect(node.status.aru).toBe(Number(localAru));
}

/** The next view above its own that a node of three leads. */
function nextOf(node: LoneNode): number {
  let view = node.status.view + 1;
  while (view % 3 !== node.id) view++;
  return view;
}

/** The places at which a node has accepted something, as its PrepareOK reports them: "seq view timestamp". */
function reported(message: { dataList: readonly Message[] } | undefined): string[] {
  return (message?.dataList ?? []).flatMap(({ type }) => {
    if (type.case !== "proposal") return ["?"];
    const { view, seq, updates } = type.value;
    return updates.map(
      (bytes, i) => `${Number(seq) + i} ${view} ${new TextDecoder().decode(bytes).slice(-1)}`,
    );
  });
}

const [a, b, c, d] = ["a", "b", "c", "d"].map((text, i) => update(i + 1, text)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

test("rule 1: the answer to a Prepare leaves with the save that raises the promise", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, prepare(1));
  expect(node.take("prepareOk")).toEqual([]);
  expect(node.save?.state.promisedView).toBe(1n);
  expect(node.save?.messages.map(({ type }) => type.case)).toEqual(["prepareOk"]);
  node.flush();
  expect(node.take("prepareOk")).toMatchObject([{ to: 1, view: 1n }]);
});

test("rule 1: accepting in a higher ballot raises the promise in the same save", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 4, 1, a));
  expect(node.save?.state.promisedView).toBe(4n);
  expect(node.save?.runs.map((run) => run.proposal?.view)).toEqual([4n]);
  expect(node.save?.messages.map(({ type }) => type.case)).toEqual(["accept", "accept"]);
});

test.each(["goes on", "crashes", "crashes before it hears that the promise is durable"])(
  "rule 1: nothing is accepted or answered below the promise when the node %s",
  (what) => {
    const node = new LoneNode(2, 3).meet();
    node.receive(1, prepare(4));
    if (what.endsWith("durable")) node.writeOnly();
    else node.flushAll();
    if (what !== "goes on") node.restart();
    node.take("prepareOk");
    const saves = node.saves.length;
    node
      .receive(1, prepare(1))
      .receive(0, prepare(3))
      .receive(1, proposal(1, 1, 1, a))
      .receive(0, proposal(0, 3, 1, a));
    node.tick(30).flushAll();
    expect([node.take("prepareOk"), node.take("accept")]).toEqual([[], []]);
    expect(node.saves.slice(saves).flatMap(({ runs }) => runs)).toEqual([]);
    expect(node.status).toMatchObject({ promised: 4, counters: { stale_prepare: 2, stale_proposal: 2 } });
    // In the ballot promised it does both.
    node.receive(1, proposal(1, 4, 1, a)).flushAll();
    expect(node.take("accept")).toMatchObject([
      { view: 4n, seq: 1n },
      { view: 4n, seq: 1n },
    ]);
  },
);

test("rule 1: an acceptance in a ballot below the one attempted is a promise as well, crash or no crash", () => {
  const node = new LoneNode(2, 3).meet();
  node
    .receive(0, viewChange(6))
    .receive(1, proposal(1, 4, 1, a))
    .flushAll();
  expect(node.status).toMatchObject({ role: "electing", view: 6, promised: 4 });
  for (const restart of [false, true]) {
    if (restart) node.restart();
    node.take("accept");
    node
      .receive(1, proposal(1, 1, 1, b))
      .receive(0, prepare(3))
      .flushAll();
    expect([node.take("accept"), node.take("prepareOk"), node.status.promised]).toEqual([[], [], 4]);
  }
});

test("rule 1: a ViewChange, a proof or a heartbeat of a higher ballot is no promise", () => {
  const node = new LoneNode(2, 5).meet();
  node.receive(0, viewChange(5)).receive(1, viewChange(6));
  node.receive(1, { case: "viewChangeProof", value: { installedView: 6n, hearsLeader: true } });
  node.receive(3, { case: "heartbeat", value: { view: 8n, promisedView: 8n, leading: true } });
  node.flushAll();
  expect(node.status.promised).toBe(0);
  node.receive(1, proposal(1, 1, 1, a)).flushAll();
  expect(node.take("accept")).toHaveLength(4);
});

test("rule 2: no acceptance leaves before its save is durable, not when the proposal comes again either", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, a));
  node
    .receive(1, proposal(1, 1, 1, a))
    .receive(1, proposal(1, 1, 2, b))
    .receive(1, proposal(1, 1, 1, a))
    .tick(30);
  expect(node.take("accept")).toEqual([]);
  expect(node.take("heartbeat").map(({ promisedView, acceptedSeq }) => [promisedView, acceptedSeq])).toEqual(
    Array.from({ length: 8 }, () => [0n, 0n]),
  );
  // The first save speaks of the first run only, though the second is accepted already.
  node.flush();
  expect(node.take("accept").map(({ seq }) => seq)).toEqual([1n, 1n]);
  node
    .receive(1, proposal(1, 1, 1, a))
    .receive(1, proposal(1, 1, 2, b))
    .tick(10);
  expect(node.take("accept").map(({ to, seq }) => [to, seq])).toEqual([[1, 1n]]);
  expect(new Set(node.take("heartbeat").map(({ acceptedSeq }) => acceptedSeq))).toEqual(new Set([1n]));
  node.flush();
  expect(node.take("accept").map(({ seq }) => seq)).toEqual([2n, 2n]);
  node.receive(1, proposal(1, 1, 1, a));
  expect(node.take("accept").map(({ to, seq }) => [to, seq])).toEqual([[1, 2n]]);
});

test("rule 2: a promise queued while a save is under way leaves with the next one, repeated or not", () => {
  const node = new LoneNode(2, 3).meet();
  node
    .receive(1, proposal(1, 1, 1, a))
    .receive(0, prepare(3))
    .receive(0, prepare(3))
    .tick(30);
  expect(node.save?.state.promisedView).toBe(1n);
  expect(node.take("prepareOk")).toEqual([]);
  node.flush();
  node.receive(0, prepare(3));
  expect(node.take("prepareOk")).toEqual([]);
  expect(node.save?.state.promisedView).toBe(3n);
  node.flush();
  expect(node.take("prepareOk")).toHaveLength(1);
});

test("rule 2: PrepareOK reports everything accepted, saves under way included", () => {
  const node = new LoneNode(2, 3).meet();
  node
    .receive(1, proposal(1, 1, 1, a))
    .receive(1, proposal(1, 1, 2, b))
    .receive(0, prepare(3));
  expect(node.disk.state?.promisedView).toBe(0n);
  node.flushAll();
  const [answer] = node.take("prepareOk");
  expect(reported(answer)).toEqual(["1 1 a", "2 1 b"]);
});

test("rule 2: PrepareOK is fixed when its save is queued; what is accepted later changes it no more", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, a)).receive(0, prepare(3));
  // The others have answered node 0 already: it proposes before this node's answer has left.
  node.receive(0, proposal(0, 3, 1, b, c)).flushAll();
  expect(reported(node.take("prepareOk")[0])).toEqual(["1 1 a"]);
  node.receive(0, prepare(3));
  expect(reported(node.take("prepareOk")[0])).toEqual(["1 1 a"]);
});

test("rule 2: a promise that a crash has cut short is answered afterwards, with what is durable", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, a)).flushAll();
  node.receive(0, prepare(3)).writeOnly();
  node.restart();
  node.receive(0, prepare(3)).flushAll();
  const answers = node.take("prepareOk");
  expect(answers).toMatchObject([{ view: 3n }]);
  expect(reported(answers[0])).toEqual(["1 1 a"]);
});

test("rule 2: a leader's own acceptance counts once it is durable", () => {
  const cluster = new Cluster(3).start();
  const leader = cluster.elect();
  const [follower, other] = [0, 1, 2].filter((id) => id !== leader) as [number, number];
  cluster.crash(other);
  cluster.member(leader).slowDisk = true;
  cluster.flush(leader);
  const before = cluster.status(leader).aru;
  cluster.propose(leader, 7n, 1n);
  cluster.settle();
  expect(cluster.member(follower).disk.state?.saveNumber).toBeGreaterThan(0n);
  expect([cluster.status(leader).aru, cluster.status(follower).aru]).toEqual([before, before]);
  cluster.flush(leader);
  cluster.settle();
  expect([cluster.status(leader).aru, cluster.status(follower).aru]).toEqual([before + 1, before + 1]);
  expect(log(cluster.member(leader))).toEqual(["7/1"]);
});

test("rule 2: a crash takes back what was not durable, and nothing had been said of it", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, a)).flush();
  node.receive(1, proposal(1, 1, 2, b));
  node.restart();
  node.receive(0, prepare(3)).flushAll();
  expect(reported(node.take("prepareOk")[0])).toEqual(["1 1 a"]);
});

test("rule 3: what leaves a gap is neither saved nor answered; it is accepted when the gap is closed", () => {
  const node = new LoneNode(2, 3).meet();
  node
    .receive(1, proposal(1, 1, 3, c))
    .receive(1, proposal(1, 1, 2, b))
    .tick(5)
    .flushAll();
  expect(node.take("accept")).toEqual([]);
  expect(node.saves.flatMap(({ runs }) => runs)).toEqual([]);
  node.receive(1, proposal(1, 1, 1, a));
  expect(node.save?.runs.map(({ proposal }) => proposal?.seq)).toEqual([1n, 2n, 3n]);
  node.flush();
  expect(node.take("accept").map(({ to, view, seq }) => [to, view, seq])).toEqual([
    [0, 1n, 3n],
    [1, 1n, 3n],
  ]);
});

test("rule 3: an acceptance of a lower ballot closes no gap, and counts for nothing in the higher one", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, a, b, c)).flushAll();
  node.take("accept");
  node.receive(1, proposal(1, 4, 4, d)).flushAll();
  expect(node.take("accept")).toEqual([]);
  node.receive(1, proposal(1, 4, 1, a)).flushAll();
  expect(node.take("accept").map(({ view, seq }) => [view, seq])).toEqual([
    [4n, 1n],
    [4n, 1n],
  ]);
  // After a crash as well: that nothing of ballot 4 above seq 1 is here.
  node.restart();
  node.receive(1, proposal(1, 4, 4, d)).flushAll();
  expect(node.take("accept")).toEqual([]);
  node.receive(0, prepare(6)).flushAll();
  expect(reported(node.take("prepareOk")[0])).toEqual(["1 4 a", "2 1 b", "3 1 c"]);
});

test("rule 3: an acceptance that rests on an ordered seq is saved with that seq's value and mark", () => {
  const node = new LoneNode(2, 3).meet();
  // A save is under way all the time, so that what comes next has to wait for the following one.
  node.receive(1, prepare(4));
  learn(node, 0, 1, a, b);
  node.receive(1, proposal(1, 4, 3, c));
  node.flush();
  expect(node.save?.messages.flatMap(({ type }) => (type.case === "accept" ? type.value.seq : []))).toEqual([
    3n,
    3n,
  ]);
  expect(node.save?.state.localAru).toBe(2n);
  expect(node.save?.runs.map(({ ordered, proposal }) => [ordered, proposal?.seq])).toEqual([
    [true, 1n],
    [false, 3n],
  ]);
  node.flush();
  node.restart();
  expect(node.status.aru).toBe(2);
  expect(node.applied.map(({ timestamp }) => timestamp)).toEqual([1n, 2n]);
  node.receive(0, prepare(6)).flushAll();
  const [answer] = node.take("prepareOk");
  expect([answer?.localAru, reported(answer)]).toEqual([2n, ["3 4 c"]]);
});

test("rule 3: what comes early is accepted when the ARU closes the gap, with value and mark", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 3, c)).flushAll();
  learn(node, 0, 1, a, b);
  expect(node.save?.state.localAru).toBe(2n);
  expect(node.save?.runs.map(({ ordered, proposal }) => [ordered, proposal?.seq])).toEqual([
    [true, 1n],
    [false, 3n],
  ]);
  node.flush();
  expect(node.take("accept").map(({ view, seq }) => [view, seq])).toEqual([
    [1n, 3n],
    [1n, 3n],
  ]);
});

test("rule 3: a proposal of what is ordered raises the promise and is answered, not stored", () => {
  const node = new LoneNode(2, 3).meet();
  learn(node, 0, 1, a, b);
  node.flushAll();
  node.receive(1, proposal(1, 4, 1, a, b));
  expect(node.save).toMatchObject({ runs: [], state: { promisedView: 4n, localAru: 2n } });
  node.flush();
  expect(node.take("accept").map(({ view, seq }) => [view, seq])).toEqual([
    [4n, 2n],
    [4n, 2n],
  ]);
});

test('rule 4: no message of a ballot leaves its leader before "I lead" is durable', () => {
  const node = new LoneNode(1, 3).meet();
  node.take("heartbeat");
  node.receive(2, viewChange(1)).tick(25).receive(2, prepareOK(1)).tick(5);
  expect(node.status).toMatchObject({ role: "preparing", view: 1 });
  expect([node.take("prepare"), node.take("proposal")]).toEqual([[], []]);
  expect(
    node.take("heartbeat").filter(({ view, leading, preparing }) => view > 0n || leading || preparing),
  ).toEqual([]);
  expect(node.save?.state.ledView).toBe(1n);
  node.flush();
  expect(node.take("prepare")).toMatchObject([
    { to: 0, view: 1n },
    { to: 2, view: 1n },
  ]);
  // The answer that was here before its own promise was durable counts from then on.
  expect(node.tick(10).status.role).toBe("leader");
  expect(node.take("heartbeat").at(-1)).toMatchObject({ view: 1n, leading: true, preparing: false });
});

test.each([
  ["it crashed after", true],
  ["it crashed before it heard that this was durable", false],
])('rule 4: a ballot recorded as "I lead" at the restart is never led again: %s', (_, known) => {
  const node = new LoneNode(1, 3).meet();
  node.receive(2, viewChange(1));
  if (known) node.flush();
  else node.writeOnly();
  node.restart();
  for (let i = 0; i < 100; i++) {
    node
      .receive(0, viewChange(1))
      .receive(2, viewChange(1))
      .receive(2, prepareOK(1))
      .receive(0, prepareOK(1));
    node.tick(5).flushAll();
  }
  expect([node.take("prepare"), node.take("proposal")]).toEqual([[], []]);
  expect(node.take("heartbeat").filter(({ leading, preparing }) => leading || preparing)).toEqual([]);
  // A higher one of its own it leads.
  node.lead(nextOf(node), 0, 2);
});

test("rule 4: a ballot that was stepped down from is never led again", () => {
  const node = new LoneNode(1, 3).meet().lead(1, 0, 2);
  node.tick(60);
  expect(node.status.role).toBe("electing");
  node.flushAll();
  for (const kind of ["prepare", "proposal", "heartbeat"] as const) node.take(kind);
  for (let i = 0; i < 100; i++) {
    node
      .receive(0, viewChange(1))
      .receive(2, viewChange(1))
      .receive(2, prepareOK(1))
      .receive(0, prepareOK(1));
    node.receive(2, accept(1, 1)).tick(5).flushAll();
  }
  expect([node.take("prepare"), node.take("proposal")]).toEqual([[], []]);
  expect(node.take("heartbeat").filter(({ leading, preparing }) => leading || preparing)).toEqual([]);
  node.lead(nextOf(node), 0, 2);
});

test("rule 4: nothing is proposed before a prepare quorum has answered", () => {
  const node = new LoneNode(1, 5).meet();
  node.propose(1);
  node.receive(0, viewChange(1)).receive(2, viewChange(1)).flushAll();
  node.receive(0, prepareOK(1)).receive(0, prepareOK(1)).tick(20);
  expect([node.status.role, node.take("proposal")]).toEqual(["preparing", []]);
  node.receive(4, prepareOK(1));
  expect(node.status.role).toBe("leader");
  expect(node.take("proposal")).not.toEqual([]);
});

test("rule 4: answers of another ballot are none", () => {
  const node = new LoneNode(1, 3).meet();
  node.receive(0, viewChange(4)).tick(1).flushAll();
  expect(node.status).toMatchObject({ role: "preparing", view: 4 });
  node.receive(2, prepareOK(1)).receive(2, prepareOK(7));
  expect(node.status.role).toBe("preparing");
  node.receive(2, prepareOK(4));
  expect(node.status.role).toBe("leader");
});

/** What a leader has proposed to one peer: "seq text". */
function proposed(node: LoneNode, peer: number): string[] {
  return node.take("proposal").flatMap(({ to, seq, updates }) => {
    if (to !== peer) return [];
    return updates.map(
      (bytes, i) => `${Number(seq) + i} ${new TextDecoder().decode(bytes).slice(-1) || "noop"}`,
    );
  });
}

test("rule 4: of each seq the value of the highest ballot is proposed again, before anything new", () => {
  const node = new LoneNode(1, 5).meet();
  // Its own acceptances are of ballot 2; the highest is of 5, the lowest of 0.
  node.receive(2, proposal(2, 2, 1, a, a, a)).flushAll();
  node.propose(9, "z");
  for (const voter of [0, 3, 4]) node.receive(voter, viewChange(6));
  node.tick(60);
  for (const voter of [0, 3, 4]) node.receive(voter, viewChange(6));
  node.flushAll();
  expect(node.status).toMatchObject({ role: "preparing", view: 6 });
  node.receive(3, prepareOK(6, 0, proposal(0, 5, 1, b), proposal(3, 3, 2, d), proposal(1, 1, 3, d, c)));
  node.receive(4, prepareOK(6, 0, proposal(1, 1, 1, d), proposal(4, 4, 2, c), proposal(1, 1, 3, d)));
  expect(proposed(node, 0)).toEqual(["1 b", "2 c", "3 a", "4 c", "5 noop", "6 z"]);
});

test("rule 4: what is ordered and unknown to the leader is fetched before anything is proposed", () => {
  const node = new LoneNode(1, 3).meet();
  node.receive(2, viewChange(1)).flushAll();
  node.receive(2, prepareOK(1, 2, proposal(1, 0, 3, c))).tick(1);
  expect([node.status.role, node.take("proposal")]).toEqual(["preparing", []]);
  expect(node.take("catchUpRequest")).toMatchObject([{ to: 2, seq: 1n }]);
  node.receive(2, catchUpAnswer(1, a, b));
  expect(node.status).toMatchObject({ role: "leader", aru: 2 });
  expect(proposed(node, 0)).toEqual(["3 c", "4 noop"]);
});

test("rule 4: a Prepare is answered by the ARU it carries, for a restarted leader's may have fallen back", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, a, b, c, d)).flushAll();
  node.receive(0, { case: "heartbeat", value: { view: 1n, localAru: 4n, promisedView: 1n } });
  node.receive(0, prepare(3, 1)).flushAll();
  expect(reported(node.take("prepareOk")[0])).toEqual(["2 1 b", "3 1 c", "4 1 d"]);
});

test("rule 4: nothing of what a peer claims to have accepted at or above the ballot is believed", () => {
  const node = new LoneNode(1, 3).meet();
  node.receive(2, viewChange(1)).flushAll();
  node.receive(2, prepareOK(1, 0, proposal(1, 1, 1, a)));
  expect(node.status).toMatchObject({ role: "preparing", counters: { malformed: 1 } });
});

test("rule 4: an answer with a gap is none, for no acceptor has holes", () => {
  const node = new LoneNode(1, 3).meet();
  node.receive(2, viewChange(1)).flushAll();
  node.receive(2, prepareOK(1, 0, proposal(0, 0, 2, b))).receive(2, prepareOK(1, 1, proposal(0, 0, 3, b)));
  expect(node.status).toMatchObject({ role: "preparing", counters: { malformed: 2 } });
});

test.each([
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
  [7, 4],
])("rule 5: of %d voters, %d must accept", (voters, quorum) => {
  const node = new LoneNode(1, voters).meet();
  node.lead(1, ...node.peers);
  expect(node.status.aru).toBe(0);
  for (let votes = 2; votes <= quorum; votes++) {
    expect(node.status.aru).toBe(0);
    // Once more from the same voter is no second vote.
    node
      .receive(node.peers[votes - 2] as number, accept(1, 1))
      .receive(node.peers[votes - 2] as number, accept(1, 1));
  }
  expect(node.status.aru).toBe(1);
});

test("rule 5: quorums set apart count each for its own: 4 of 5 promise, 2 of 5 accept", () => {
  const node = new LoneNode(1, 5, {
    epochRecord: makeRecord(5, { prepareQuorum: 4, acceptQuorum: 2 }),
  }).meet();
  node.receive(0, viewChange(1)).receive(2, viewChange(1)).flushAll();
  expect(node.status.role).toBe("electing");
  node.receive(3, viewChange(1)).flushAll();
  for (const voter of [0, 2]) node.receive(voter, prepareOK(1));
  expect(node.status.role).toBe("preparing");
  node.receive(3, prepareOK(1)).flushAll();
  expect(node.status).toMatchObject({ role: "leader", aru: 0 });
  node.receive(4, accept(1, 1));
  expect(node.status.aru).toBe(1);
});

function makeRecord(voters: number, { learners = 0, prepareQuorum = 2, acceptQuorum = 2 }) {
  const members = Array.from({ length: voters + learners }, (_, id) => ({
    nodeId: BigInt(id),
    address: `node-${id}:1`,
  }));
  return create(EpochRecordSchema, {
    formatVersion: 1,
    voters: members.slice(0, voters),
    learners: members.slice(voters),
    prepareQuorum,
    acceptQuorum,
    nextNodeId: BigInt(voters + learners),
  });
}

test("rule 5: learners vote on nothing", () => {
  const node = new LoneNode(1, 3, { epochRecord: makeRecord(3, { learners: 2 }) }).meet();
  node.receive(3, viewChange(1)).receive(4, viewChange(1)).flushAll();
  expect(node.status.role).toBe("electing");
  node.receive(2, viewChange(1)).flushAll();
  node.receive(3, prepareOK(1)).receive(4, prepareOK(1));
  expect(node.status.role).toBe("preparing");
  node.receive(2, prepareOK(1)).flushAll();
  node.receive(3, accept(1, 1)).receive(4, accept(1, 1));
  node.receive(3, { case: "heartbeat", value: { view: 1n, promisedView: 1n, acceptedSeq: 1n } });
  expect(node.status).toMatchObject({ role: "leader", aru: 0 });
  node.receive(0, accept(1, 1));
  expect(node.status.aru).toBe(1);
});

test("rule 5: a leader that hears learners only has no quorum, and steps down", () => {
  const node = new LoneNode(1, 3, { epochRecord: makeRecord(3, { learners: 2 }) }).meet().lead(1, 0, 2);
  for (let i = 0; i < 7; i++) {
    for (const learner of [3, 4]) node.receive(learner, { case: "heartbeat", value: { view: 1n } });
    node.tick(10);
  }
  expect(node.status).toMatchObject({ role: "electing", leader: undefined });
});

test("rule 5: acceptances of different ballots do not add up", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(0, accept(1, 1)).receive(1, accept(4, 1));
  node.receive(1, proposal(1, 1, 1, a)).flushAll();
  // Node 0 and this one make the quorum of ballot 1.
  expect(node.status.aru).toBe(1);
  const other = new LoneNode(2, 3).meet();
  other
    .receive(0, accept(1, 1))
    .receive(1, proposal(1, 4, 1, a))
    .flushAll();
  expect(other.status.aru).toBe(0);
  other.receive(1, accept(4, 1));
  expect(other.status.aru).toBe(1);
});

test("rule 5: the vote of a store counts only once it is durably on record", () => {
  const node = new LoneNode(1, 5).meet(0, 2).lead(1, 0, 2);
  node.receive(0, accept(1, 1)).receive(4, accept(1, 1));
  expect([node.status.aru, node.save?.state.peerStores.length]).toEqual([0, 3]);
  node.flush();
  expect(node.status.aru).toBe(1);
});

test("rule 5: a promise of a store counts only once it is durably on record", () => {
  const node = new LoneNode(1, 3).meet(0);
  node.receive(0, viewChange(1)).flushAll();
  node.receive(2, prepareOK(1));
  expect(node.status.role).toBe("preparing");
  node.flush();
  node.tick(1);
  expect(node.status.role).toBe("leader");
});

test.each<[string, MessageContent]>([
  ["acceptance", accept(1, 1)],
  ["heartbeat", { case: "heartbeat", value: { view: 1n, promisedView: 1n, acceptedSeq: 1n } }],
])("rules 5 and 8: an %s that comes with another store than the one on record is ignored", (_, message) => {
  const node = new LoneNode(1, 3).meet().lead(1, 0, 2);
  node.receive(2, message, 4711n).receive(2, message, 0n);
  expect(node.status).toMatchObject({ aru: 0, counters: { wrong_store: 2 } });
  node.restart();
  node.lead(4, 0, 2);
  node.receive(2, accept(4, 1), 4711n);
  expect(node.status).toMatchObject({ aru: 0, counters: { wrong_store: 1 } });
  node.receive(2, accept(4, 1), storeOf(2));
  expect(node.status.aru).toBe(1);
});
