// What must hold when a snapshot takes the place of the log, and when storage comes back older or not at all: safety rules
// 1 to 6 and 8.
import { crc32 } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { EpochRecordSchema, SaveHistorySchema, SnapshotSchema, type Snapshot } from "@paxos/proto";
import { firstEpoch } from "../src/membership.js";
import type { MessageContent } from "../src/outbox.js";
import { LoneNode, proposal, storeOf, update } from "./lone-node.js";

const record = firstEpoch(["node-0:2346", "node-1:2346", "node-2:2346"]);

/** A snapshot of a peer, its chunks as messages. */
function snapshotOf(seq: number, origin: number, pieces: readonly string[] = ["some ", "state"]) {
  const data = pieces.map((piece) => new TextEncoder().encode(piece));
  const sums: number[] = [];
  for (const piece of data) sums.push(crc32(piece, sums.at(-1) ?? 0));
  const snapshot = create(SnapshotSchema, {
    formatVersion: 1,
    seq: BigInt(seq),
    origin: storeOf(origin),
    chunks: pieces.length,
    bytes: BigInt(pieces.join("").length),
    checksum: sums.at(-1) ?? 0,
    epochRecord: record,
  });
  const chunk = (index: number, other: Partial<Snapshot> = {}): MessageContent => ({
    case: "snapshotChunk",
    value: {
      snapshot: { ...snapshot, ...other },
      index,
      data: data[index] ?? new Uint8Array(),
      checksum: sums[index] ?? 0,
      localAru: BigInt(seq),
    },
  });
  return { snapshot, chunk };
}

/** Hears that a peer is ahead, asks it, and hears that its log begins at `firstSeq`. */
function fallBehind(node: LoneNode, from: number, aru: number, firstSeq = aru + 1): LoneNode {
  node.receive(from, { case: "heartbeat", value: { localAru: BigInt(aru) } }).tick(20);
  const [asked] = node.take("catchUpRequest");
  const seq = asked?.seq ?? 0n;
  node.receive(from, {
    case: "catchUpAnswer",
    value: { seq, updates: [], localAru: BigInt(aru), firstSeq: BigInt(firstSeq) },
  });
  return node;
}

function heartbeat(view: number, fields: object = {}): MessageContent {
  return { case: "heartbeat", value: { view: BigInt(view), leading: true, ...fields } };
}

test("rules 1 and 3: what is promised and accepted stays so when a snapshot is installed", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 4, 1, update(1), update(2), update(3), update(4), update(5))).flushAll();
  node.receive(1, heartbeat(4, { localAru: 3n }));
  fallBehind(node, 0, 3);
  const { snapshot, chunk } = snapshotOf(3, 0);
  node.receive(0, chunk(0)).receive(0, chunk(1));
  expect(node.save?.install).toEqual(snapshot);
  expect(node.save?.state).toMatchObject({ promisedView: 4n, localAru: 3n });
  node.flushAll().restore();
  // A higher view's leader hears of what it has accepted above.
  node.receive(0, { case: "prepare", value: { view: 6n, localAru: 0n } }).flushAll();
  const [answer] = node.take("prepareOk");
  expect(answer).toMatchObject({ view: 6n, localAru: 3n });
  const [accepted] = answer?.dataList ?? [];
  expect(accepted?.type).toMatchObject({ case: "proposal", value: { view: 4n, seq: 4n } });
  node.restart();
  expect(node.status).toMatchObject({ promised: 6, aru: 3, applied: 3 });
  node.receive(1, proposal(1, 4, 6, update(6)));
  expect(node.status.counters["stale_proposal"]).toBe(1);
});

test("rule 4: a view that was led is not led again after a snapshot", () => {
  const node = new LoneNode(1, 3).meet().lead(1, 0);
  node.receive(0, heartbeat(6, { promisedView: 6n })).flushAll();
  fallBehind(node, 0, 9);
  const { chunk } = snapshotOf(9, 0);
  node.receive(0, chunk(0)).receive(0, chunk(1)).flushAll().restore();
  expect(node.disk.state).toMatchObject({ ledView: 1n, localAru: 9n });
});

test("the snapshot is installed when all of it is there, not before, and in one save", () => {
  const node = new LoneNode(2, 3).meet();
  fallBehind(node, 0, 9);
  const { chunk, snapshot } = snapshotOf(9, 0, ["a", "b", "c"]);
  for (const index of [0, 1]) {
    expect(node.take("snapshotRequest")).toMatchObject([{ to: 0, index }]);
    node.receive(0, chunk(index));
    expect(node.save).toBeUndefined();
    expect(node.status.aru).toBe(0);
  }
  node.receive(0, chunk(2));
  expect(node.save).toMatchObject({ install: snapshot, state: { localAru: 9n } });
  // A crash before the save is durable leaves the node where it was, with all chunks.
  node.restart();
  expect(node.status).toMatchObject({ aru: 0, applied: 0, snapshot: undefined });
  fallBehind(node, 1, 9);
  expect(node.take("snapshotRequest")).toEqual([]);
  expect(node.save).toMatchObject({ install: snapshot });
  node.flushAll().restore();
  expect(node.status).toMatchObject({ aru: 9, applied: 9 });
});

test("rule 6: nothing is handed out until the state machine has been given the snapshot", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, heartbeat(1)).flushAll();
  fallBehind(node, 0, 9);
  const { chunk } = snapshotOf(9, 0);
  node.receive(0, chunk(0)).receive(0, chunk(1));
  node.receive(1, proposal(1, 1, 10, update(10))).flushAll();
  node.receive(0, { case: "accept", value: { view: 1n, seq: 10n } });
  expect(node.status).toMatchObject({ aru: 10, applied: 0 });
  expect(node.applied).toEqual([]);
  node.restore();
  expect(node.applied.map(({ seq }) => seq)).toEqual([10]);
  expect(node.status.applied).toBe(10);
});

test("rule 6: a replay that is under way ends with the snapshot, and what storage still answers is left out", () => {
  const node = new LoneNode(2, 3, { catchUpBytes: 20 }).meet();
  node.receive(1, proposal(1, 1, 1, update(1), update(2), update(3))).flushAll();
  node
    .receive(0, { case: "accept", value: { view: 1n, seq: 3n } })
    .tick(10)
    .flushAll();
  node.slowReads = true;
  node.restart();
  node.meet(0, 1);
  fallBehind(node, 0, 9);
  const { chunk } = snapshotOf(9, 0);
  node.receive(0, chunk(0)).receive(0, chunk(1)).flushAll();
  node.answerReads();
  expect(node.applied).toEqual([]);
  node.restore();
  expect(node.applied).toEqual([]);
  expect(node.status).toMatchObject({ applied: 9, aru: 9 });
});

test("rule 6: the state machine is given the snapshot only when everything handed out before has been applied", () => {
  const node = new LoneNode(2, 3).meet();
  fallBehind(node, 0, 9);
  const { chunk } = snapshotOf(9, 0);
  node.receive(0, chunk(0)).receive(0, chunk(1));
  expect(node.restoring).toBeUndefined();
  node.flush();
  expect(node.restoring).toMatchObject({ seq: 9n });
});

test("a leader takes no snapshot: it goes by its votes", () => {
  const node = new LoneNode(2, 3).meet();
  fallBehind(node, 0, 9);
  expect(node.take("snapshotRequest")).toHaveLength(1);
  node.lead(2, 1);
  const { chunk } = snapshotOf(9, 0);
  node.receive(0, chunk(0));
  expect(node.status).toMatchObject({ role: "leader", aru: 0, counters: { unasked_chunk: 1 } });
});

test("what does not fit what was asked for is ignored", () => {
  const node = new LoneNode(2, 3).meet();
  const { chunk } = snapshotOf(9, 0, ["a", "b", "c"]);
  node.receive(0, chunk(0));
  fallBehind(node, 0, 9);
  node.receive(1, chunk(0)).receive(0, chunk(1)).receive(0, chunk(0));
  // Twice, in the wrong order, of another snapshot in the midst, too large, of other members, of another format.
  node.receive(0, chunk(0)).receive(0, chunk(2));
  node.receive(0, snapshotOf(12, 0).chunk(1));
  node.receive(0, chunk(1, { formatVersion: 2 }));
  node.receive(0, chunk(1, { chunks: 1 }));
  node.receive(0, chunk(1, { bytes: 0n }));
  node.receive(0, chunk(1, { epochRecord: create(EpochRecordSchema, { ...record, nextNodeId: 9n }) }));
  node.receive(0, chunk(1, { seq: 2n ** 60n }));
  expect(node.disk.incoming).toMatchObject({ next: 1 });
  expect(node.status.counters).toMatchObject({
    unasked_chunk: 6,
    malformed_snapshot: 4,
    number_too_large: 1,
  });
  node.receive(0, chunk(1)).receive(0, chunk(2)).flushAll().restore();
  expect(node.status.aru).toBe(9);
});

test("a chunk that was changed on its way is asked for again", () => {
  const node = new LoneNode(2, 3).meet();
  fallBehind(node, 0, 9);
  const { chunk } = snapshotOf(9, 0);
  const { chunk: changed } = snapshotOf(9, 0, ["some ", "STATE"]);
  node.receive(0, chunk(0));
  const wrong = changed(1);
  const right = chunk(1);
  if (wrong.case !== "snapshotChunk" || right.case !== "snapshotChunk") throw new Error("no chunks");
  node.take("snapshotRequest");
  node.receive(0, {
    case: "snapshotChunk",
    value: { ...right.value, data: wrong.value.data ?? new Uint8Array() },
  });
  expect(node.status.counters["wrong_chunk"]).toBe(1);
  expect(node.take("snapshotRequest")).toMatchObject([{ index: 1 }]);
  node.receive(0, right).flushAll().restore();
  expect(node.status.aru).toBe(9);
});

test("a snapshot whose chunks do not add up in the end is given up, and another peer asked", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(0, { case: "heartbeat", value: { localAru: 9n } });
  fallBehind(node, 1, 9);
  const { chunk } = snapshotOf(9, 1);
  node.receive(1, chunk(0));
  node.disk.receiveChunk = () => 0;
  node.receive(1, chunk(1));
  node.take("snapshotRequest");
  node.tick(10);
  const [asked] = node.take("catchUpRequest");
  expect(asked?.to).toBe(0);
  expect(node.status).toMatchObject({ aru: 0, receiving: undefined });
});

test("a peer that holds another snapshot by now sends its beginning; what was received of the old one is dropped", () => {
  const node = new LoneNode(2, 3).meet();
  fallBehind(node, 0, 9);
  node.receive(0, snapshotOf(9, 0).chunk(0));
  expect(node.disk.incoming).toMatchObject({ snapshot: { seq: 9n }, next: 1 });
  const { chunk } = snapshotOf(15, 0);
  node.receive(0, chunk(0)).receive(0, chunk(1)).flushAll().restore();
  expect(node.status.aru).toBe(15);
});

test("a peer that does not answer is asked again, and given up after some seconds for another one", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(0, { case: "heartbeat", value: { localAru: 9n } });
  fallBehind(node, 1, 9);
  const asked: number[] = [];
  for (let i = 0; i < 60 && new Set(asked).size < 2; i++) {
    for (const peer of [0, 1]) node.receive(peer, { case: "heartbeat", value: { localAru: 9n } });
    node.tick(10);
    for (const { to, seq } of node.take("catchUpRequest")) {
      node.receive(to, { case: "catchUpAnswer", value: { seq, updates: [], localAru: 9n, firstSeq: 10n } });
    }
    asked.push(...node.take("snapshotRequest").map(({ to }) => to));
  }
  expect(asked.slice(0, -1)).toEqual(Array.from({ length: 9 }, () => 1));
  expect(asked.at(-1)).toBe(0);
});

test("what a peer asks for is kept for half a minute: the snapshot, and the log behind it", () => {
  const node = new LoneNode(1, 3).meet().lead(1, 0);
  for (let i = 1; i <= 6; i++) {
    node.propose(i);
    node.flushAll().receive(0, { case: "accept", value: { view: 1n, seq: BigInt(i + 1) } });
    if (i === 3) node.tick(10).flushAll().takeSnapshot("the old one");
  }
  const ask = (seq: bigint, index: number) =>
    node.receive(2, { case: "snapshotRequest", value: { seq, origin: seq === 0n ? 0n : storeOf(1), index } });
  ask(0n, 0);
  expect(node.take("snapshotChunk")).toMatchObject([{ to: 2, snapshot: { seq: 4n }, index: 0 }]);
  for (const peer of [0, 2]) node.receive(peer, { case: "heartbeat", value: { promisedView: 1n } });
  node.tick(10).flushAll().takeSnapshot("the new one");
  expect(node.node.retention()).toMatchObject({ snapshots: [{ seq: 4n }], logFrom: 5 });
  ask(4n, 1);
  expect(node.take("snapshotChunk")).toMatchObject([{ snapshot: { seq: 4n }, index: 1 }]);
  // Then nobody asks any more.
  node.tick(3100);
  expect(node.node.retention()).toEqual({ snapshots: [], logFrom: undefined });
  ask(4n, 2);
  expect(node.take("snapshotChunk")).toMatchObject([{ snapshot: { seq: 7n }, index: 0 }]);
});

test("a node without snapshots says so", () => {
  const node = new LoneNode(0, 3).meet();
  node.receive(2, { case: "snapshotRequest", value: { index: 0 } });
  const [answer] = node.take("snapshotChunk");
  expect(answer?.to).toBe(2);
  expect(answer?.snapshot).toBeUndefined();
});

test("rule 2: a node whose save failed saves, promises and votes no more; its last word is that it leads no more", () => {
  const node = new LoneNode(1, 3).meet().lead(1, 0);
  node.take("heartbeat");
  node.propose(1);
  node.node.storageFailed();
  node.tick(1);
  expect(node.take("heartbeat")).toMatchObject([
    { to: 0, leading: false, hearsQuorum: false },
    { to: 2, leading: false, hearsQuorum: false },
  ]);
  const saves = node.saves.length;
  node.save = undefined;
  for (const kind of ["accept", "proposal", "prepare", "viewChange"] as const) node.take(kind);
  node.receive(0, { case: "prepare", value: { view: 3n } });
  node.receive(0, proposal(0, 3, 2, update(7)));
  node.receive(0, { case: "viewChange", value: { attemptedView: 4n, hearsQuorum: true } });
  node.tick(500);
  expect(node.save).toBeUndefined();
  expect(node.saves).toHaveLength(saves);
  for (const kind of ["prepareOk", "accept", "viewChange", "prepare", "proposal"] as const) {
    expect(node.take(kind)).toEqual([]);
  }
  expect(node.status).toMatchObject({ role: "follower", storageHealth: "failed" });
  expect(node.propose(2)).toBe("busy");
});

test("rule 8: storage that has not seen what its node is known to have saved is refused, however much it saves later", () => {
  const node = new LoneNode(0, 3).meet();
  const introduce = (incarnation: bigint, ...marks: [incarnation: bigint, saveNumber: bigint][]) => {
    const history = create(SaveHistorySchema, {
      marks: marks.map(([of, saveNumber]) => ({ incarnation: of, saveNumber })),
    });
    const saveHistory = toBinary(SaveHistorySchema, history);
    return node.node.admit({ nodeId: 2, storeId: storeOf(2), incarnation, saveHistory })?.reason;
  };
  const save = (saveIncarnation: bigint, saveNumber: bigint) => ({ saveIncarnation, saveNumber });
  expect(introduce(1n)).toBeUndefined();
  node.receive(2, { case: "heartbeat", value: save(1n, 8n) });
  node.receive(2, { case: "accept", value: save(1n, 7n) });
  // The process itself, over a new connection; it has made more since it said this.
  expect(introduce(1n, [1n, 6n])).toBeUndefined();
  // The next one, on an older copy, on one that counts on, on one of before, and on the right one.
  expect(introduce(2n, [1n, 7n])).toBe("store");
  expect(introduce(3n, [1n, 7n], [2n, 30n])).toBe("store");
  expect(introduce(4n)).toBe("store");
  expect(introduce(5n, [1n, 8n])).toBeUndefined();
  // The last words of the process before come late and harm nobody.
  expect(introduce(1n, [1n, 8n])).toBeUndefined();
  node.receive(2, { case: "prepareOk", value: save(5n, 9n) });
  node.receive(2, { case: "accept", value: save(5n, 12n) });
  expect(introduce(1n, [1n, 8n])).toBe("store");
  expect(introduce(5n, [1n, 8n], [5n, 10n])).toBeUndefined();
  // It is on record with the next save.
  node
    .receive(1, heartbeat(1))
    .receive(1, proposal(1, 1, 1, update(1)))
    .flushAll();
  node.restart();
  expect(introduce(5n, [1n, 8n], [5n, 10n])).toBeUndefined();
  expect(introduce(6n, [1n, 8n], [5n, 11n])).toBe("store");
  expect(introduce(6n, [1n, 8n], [5n, 12n])).toBeUndefined();
  // So many processes later, the mark is remembered no more.
  const many = Array.from({ length: 32 }, (_, i): [bigint, bigint] => [BigInt(100 + i), BigInt(20 + i)]);
  expect(introduce(200n, ...many)).toBeUndefined();
  expect(introduce(200n, ...many.slice(1))).toBe("store");
  expect(node.status.counters["older_store"]).toBe(2);
});

test("rule 8: a node keeps the marks of the last 32 processes that have saved", () => {
  const node = new LoneNode(0, 3, { incarnation: 1n }).meet();
  const first = node.disk.state?.saveNumber ?? 0n;
  expect(node.disk.state?.saveHistory?.marks).toMatchObject([{ incarnation: 1n, saveNumber: first }]);
  for (let incarnation = 2; incarnation <= 40; incarnation++) {
    node.incarnation = BigInt(incarnation);
    node.restart();
    // A process that saves nothing leaves no mark.
    if (incarnation % 10 === 0) continue;
    node.receive(1, { case: "prepare", value: { view: BigInt(3 * incarnation + 1) } }).flushAll();
    const [answer] = node.take("prepareOk");
    expect(answer).toMatchObject({
      saveIncarnation: BigInt(incarnation),
      saveNumber: node.disk.state?.saveNumber,
    });
  }
  const marks = node.disk.state?.saveHistory?.marks ?? [];
  expect(marks).toHaveLength(32);
  expect(marks.at(-1)).toMatchObject({ incarnation: 39n, saveNumber: node.disk.state?.saveNumber });
  expect(marks.map(({ incarnation }) => incarnation)).not.toContain(30n);
  node.tick(10);
  expect(node.take("heartbeat")[0]).toMatchObject({ saveIncarnation: 39n });
});
