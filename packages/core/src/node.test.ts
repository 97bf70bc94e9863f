import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { MessageSchema, type PersistentState, StoredRunSchema } from "@paxos/proto";
import { LoneNode, proposal, storeOf, update } from "../test/lone-node.js";
import { MemoryDisk } from "../test/memory-disk.js";
import { ConfigError, InvariantError, RequestError } from "./errors.js";
import { firstEpoch } from "./membership.js";
import { restartNode, startNode } from "./node.js";

const single = { nodeId: 0, epochRecord: firstEpoch(["a:1"]), seed: 1 };

test("the sequential loop: save, send, apply, advance", () => {
  const disk = new MemoryDisk(5n);
  const node = startNode(single, 5n);
  const applied: string[] = [];
  const run = (): void => {
    for (let ready = node.ready(); ready !== undefined; ready = node.ready()) {
      if (ready.save !== undefined) disk.write(ready.save);
      for (const { seq, noop, update } of ready.orderedUpdates) {
        applied.push(`${seq} ${noop ? "noop" : new TextDecoder().decode(update)}`);
      }
      node.advance(ready);
    }
  };
  run();
  for (const [i, text] of ["x", "y"].entries()) {
    expect(node.propose({ clientId: 9n, timestamp: BigInt(i), update: new TextEncoder().encode(text) })).toBe(
      "queued",
    );
    run();
  }
  expect(applied).toEqual(["1 noop", "2 x", "3 y"]);
  expect(node.status()).toMatchObject({ role: "leader", leader: 0, aru: 3, applied: 3, storeId: 5n });
  // The last mark needs no save of its own: an ordered seq is found again from the acceptances.
  expect([...disk.values(3).keys()]).toEqual([1, 2, 3]);
});

test("whatever ready has given out it does not give out again", () => {
  const node = startNode({ ...single, epochRecord: firstEpoch(["a:1", "b:1"]) }, 5n);
  expect(node.ready()?.messages.length).toBeGreaterThan(0);
  expect(node.ready()).toBeUndefined();
  node.step(create(MessageSchema, { from: 1n, to: 0n, storeId: 6n, type: { case: "heartbeat", value: {} } }));
  expect(node.ready()?.save?.number).toBe(1);
  expect(node.ready()).toBeUndefined();
});

test("one save is under way at a time; what piles up meanwhile is the next one", () => {
  const node = new LoneNode(1, 3).meet().lead(1, 0, 2);
  const first = node.saves.length + 1;
  node.propose(1);
  expect(node.save?.number).toBe(first);
  for (let timestamp = 2; timestamp <= 10; timestamp++) node.propose(timestamp);
  expect(node.save?.runs).toHaveLength(1);
  node.flush();
  expect(node.save).toMatchObject({ number: first + 1 });
  expect(node.save?.runs.flatMap((run) => run.proposal?.updates ?? [])).toHaveLength(9);
  const accepts = node.save?.messages.filter(({ type }) => type.case === "accept");
  expect(accepts).toHaveLength(2);
  node.flush();
  expect(node.save).toBeUndefined();
});

test("proposals do not wait for a save", () => {
  const node = new LoneNode(1, 3).meet().lead(1, 0, 2);
  node.take("proposal");
  node.propose(1);
  expect(node.save).toBeDefined();
  node.propose(2);
  expect(node.take("proposal").map(({ to, seq }) => [to, seq])).toEqual([
    [0, 2n],
    [2, 2n],
    [0, 3n],
    [2, 3n],
  ]);
});

test("ordered updates do not wait for a save", () => {
  const node = new LoneNode(4, 5).meet();
  node.receive(1, proposal(1, 1, 1, update(1))).flushAll();
  node.receive(1, proposal(1, 1, 2, update(2)));
  expect(node.save).toBeDefined();
  for (const from of [0, 1, 2]) node.receive(from, { case: "accept", value: { view: 1n, seq: 2n } });
  expect(node.applied.map(({ timestamp }) => timestamp)).toEqual([1n, 2n]);
});

test("after a restart, what is newly ordered waits until what was ordered before has come out again", () => {
  const lone = new LoneNode(2, 3, { catchUpBytes: 1 }).meet();
  lone.receive(1, proposal(1, 1, 1, update(1), update(2))).flushAll();
  lone
    .receive(1, { case: "accept", value: { view: 1n, seq: 2n } })
    .tick(20)
    .flushAll();
  expect(lone.disk.state?.localAru).toBe(2n);
  lone.slowReads = true;
  lone.restart();
  lone
    .receive(1, proposal(1, 4, 3, update(3)))
    .receive(1, { case: "accept", value: { view: 4n, seq: 3n } })
    .flushAll();
  expect([lone.status.aru, lone.applied]).toEqual([3, []]);
  for (const applied of [[1n], [1n, 2n, 3n]]) {
    lone.answerReads();
    expect(lone.applied.map(({ timestamp }) => timestamp)).toEqual(applied);
  }
});

test("saves are counted from 1 without gaps, over restarts too", () => {
  const node = new LoneNode(2, 3).meet();
  node.receive(1, proposal(1, 1, 1, update(1))).flush();
  node.receive(1, proposal(1, 1, 2, update(2)));
  node.restart();
  node.receive(1, proposal(1, 1, 1, update(1))).flushAll();
  node.receive(1, proposal(1, 4, 1, update(1))).flushAll();
  expect(node.saves.map(({ number }) => number)).toEqual(node.saves.map((_, i) => i + 1));
  expect(node.saves.map(({ state }) => Number(state.saveNumber))).toEqual(
    node.saves.map(({ number }) => number),
  );
});

test.each<[string, (node: LoneNode) => void]>([
  ["a save that was never given out", ({ node, save }) => node.saved({ ...save!, number: save!.number + 1 })],
  ["a save twice", ({ node, save }) => (node.saved(save!), node.saved(save!))],
  ["more applied than was given out", ({ node }) => node.applied(1)],
  [
    "a replay that storage does not hold",
    ({ node }) =>
      node.answer({ to: undefined, from: 1, upTo: 1, maxBytes: 1 }, { seq: 1, updates: [], firstSeq: 1 }),
  ],
])("%s breaks an invariant; then the node is dead", (_, harm) => {
  const lone = new LoneNode(2, 3);
  lone.receive(1, proposal(1, 1, 1, update(1)));
  const { node, save } = lone;
  expect(() => harm(lone)).toThrow(InvariantError);
  const message = create(MessageSchema, { from: 1n, to: 2n, type: { case: "heartbeat", value: {} } });
  const calls: (() => void)[] = [
    () => node.tick(),
    () => node.step(message),
    () => node.propose({ clientId: 1n, timestamp: 1n, update: new Uint8Array() }),
    () => node.ready(),
    () => node.saved(save!),
    () => node.applied(0),
    () => node.answer({ to: 1, from: 1, upTo: 1, maxBytes: 1 }, { seq: 1, updates: [], firstSeq: 1 }),
    () => node.admit({ nodeId: 1, storeId: 1n, incarnation: 1n, saveHistory: new Uint8Array() }),
  ];
  for (const call of calls) expect(call).toThrow(InvariantError);
  expect(node.status().nodeId).toBe(2);
});

test("input that is not for this node is ignored, counted, and logged at a limited rate", () => {
  const lines: string[] = [];
  const warn = (line: string): void => void lines.push(line);
  const logger = { verbose: false, debug: warn, info: () => undefined, warn, error: warn };
  const lone = new LoneNode(2, 3, { logger });
  const type = { case: "heartbeat" as const, value: {} };
  const step = (fields: object): void =>
    lone.node.step(create(MessageSchema, { from: 1n, to: 2n, storeId: 1n, type, ...fields }));
  for (let i = 0; i < 50; i++) {
    step({ to: 1n });
    step({ from: 7n });
    step({ from: 2n });
    step({ from: 2n ** 60n });
    step({ group: 1n });
    step({ epoch: 1n });
    step({ type: { case: undefined } });
    step({ type: { case: "globallyOrderedUpdate", value: {} } });
  }
  expect(lone.status.counters).toEqual({
    misdirected: 150,
    number_too_large: 50,
    wrong_group: 50,
    wrong_epoch: 50,
    unexpected: 100,
  });
  expect(lines).toHaveLength(5);
  lone.tick(100);
  step({ group: 1n });
  expect(lines.at(-1)).toBe("ignored: message of group 1 (wrong_group, 51 so far)");
});

test("a verbose node logs what it receives and sends, and its timers", () => {
  const lines: string[] = [];
  const quiet = (): void => undefined;
  const logger = {
    verbose: true,
    debug: (line: string) => void lines.push(line),
    info: quiet,
    warn: quiet,
    error: quiet,
  };
  const node = new LoneNode(2, 3, { logger });
  node
    .receive(1, { case: "prepare", value: { view: 1n } })
    .flushAll()
    .tick(100);
  expect(lines).toEqual(
    expect.arrayContaining([
      "received 1->2 Prepare view=1 aru=0",
      "sends when saved 2->1 PrepareOK view=1 aru=0 []",
      "sends 2->1 Heartbeat view=1 aru=0 promised=1 accepted=0 quorum",
      "timer: heartbeat",
      "timer: progress, while follower",
    ]),
  );
});

test("too large and too many updates are refused at once", () => {
  const node = new LoneNode(0, 3, { updateBytes: 10, windowBytes: 100, windowUpdates: 2 });
  expect(node.propose(1, "x".repeat(11))).toBe("too_large");
  expect([1, 2, 3, 4, 5].map((timestamp) => node.propose(timestamp, "x"))).toEqual([
    "queued",
    "queued",
    "queued",
    "queued",
    "busy",
  ]);
  // One that waits already may be handed in again.
  expect(node.propose(4, "x")).toBe("queued");
  expect(node.status.waitingUpdates).toBe(4);
});

test.each<[bigint, bigint, RegExp]>([
  [0n, 1n, /^client id 0 is reserved/],
  [-1n, 1n, /^-1 is no unsigned 64-bit integer$/],
  [2n ** 64n, 1n, /^18446744073709551616 is no unsigned/],
  [1n, -1n, /^-1 is no unsigned/],
  [1n, 2n ** 64n, /^18446744073709551616 is no unsigned/],
])("client %s with timestamp %s is refused, and the node lives on", (clientId, timestamp, message) => {
  const { node } = new LoneNode(0, 3);
  const propose = (): unknown => node.propose({ clientId, timestamp, update: new Uint8Array() });
  expect(propose).toThrow(RequestError);
  expect(propose).toThrow(message);
  node.tick();
  expect(node.status().waitingUpdates).toBe(0);
});

test.each([0n, -1n])("a store id of %s is refused", (storeId) => {
  expect(() => startNode(single, storeId)).toThrow(
    new ConfigError(`storeId is ${storeId}; allowed is any 64-bit number but 0`),
  );
});

test.each<[RegExp, (state: PersistentState) => void]>([
  [/format version 2; this version of the library reads 1/, (state) => (state.formatVersion = 2)],
  [/belongs to node 1, this is node 2; give each node its own/, (state) => (state.nodeId = 1n)],
  [
    /belongs to a cluster of 0 at elsewhere:1, .*; the configuration names 0 at node-0:2346, .*restore the configuration/,
    (state) => (state.epochRecord!.voters[0]!.address = "elsewhere:1"),
  ],
  [/belongs to a cluster of nobody;/, (state) => delete state.epochRecord],
])("storage that does not fit is refused: %s", (message, change) => {
  const node = new LoneNode(2, 3).meet();
  const stored = node.disk.load();
  change(stored.state as PersistentState);
  const epochRecord = firstEpoch([0, 1, 2].map((id) => `node-${id}:2346`));
  const restart = (): unknown => restartNode({ nodeId: 2, epochRecord, seed: 1 }, stored);
  expect(restart).toThrow(message);
  expect(restart).toThrow(ConfigError);
});

test("runs of another epoch, and those marked as ordered, are no acceptances", () => {
  const node = new LoneNode(2, 3).meet();
  const stored = node.disk.load();
  const run = { formatVersion: 1, proposal: { view: 1n, seq: 1n, updates: [update(1)] } };
  const runs = [
    create(StoredRunSchema, { ...run, epoch: 1n }),
    create(StoredRunSchema, { ...run, ordered: true }),
  ];
  const epochRecord = firstEpoch([0, 1, 2].map((id) => `node-${id}:2346`));
  const restarted = restartNode({ nodeId: 2, epochRecord, seed: 1 }, { ...stored, runs });
  const type = { case: "prepare" as const, value: { view: 3n } };
  restarted.step(create(MessageSchema, { from: 0n, to: 2n, storeId: storeOf(0), type }));
  const [answer] = restarted.ready()?.save?.messages ?? [];
  expect(answer?.type).toMatchObject({ case: "prepareOk", value: { dataList: [] } });
});
