import { create } from "@bufbuild/protobuf";
import { firstEpoch, type Save } from "@paxos/core";
import {
  MessageSchema,
  PersistentStateSchema,
  ProposalSchema,
  StoredRunSchema,
  type Message,
  type Proposal,
} from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { Epochs } from "./epochs.js";
import { BoundValues } from "./bound-values.js";

/** Values are bytes here: from seq on, one each. */
type Values = readonly [view: number, seq: number, values: readonly number[]];

const proposalOf = ([view, seq, values]: Values): Proposal =>
  create(ProposalSchema, {
    view: BigInt(view),
    seq: BigInt(seq),
    updates: values.map((value) => Uint8Array.of(value)),
  });

interface SaveFields {
  readonly accepts?: readonly Values[];
  readonly learns?: readonly Values[];
  readonly led?: number;
  readonly aru?: number;
}

const saveOf = ({ accepts = [], learns = [], led, aru = 0 }: SaveFields): Save => ({
  number: 1,
  state: create(PersistentStateSchema, {
    localAru: BigInt(aru),
    ...(led !== undefined && { ledView: BigInt(led) }),
  }),
  runs: [
    ...accepts.map((values) => create(StoredRunSchema, { proposal: proposalOf(values) })),
    ...learns.map((values) => create(StoredRunSchema, { proposal: proposalOf(values), ordered: true })),
  ],
  messages: [],
});

/** Of three nodes: view 0 and 3 are led by node 0, view 1 and 4 by node 1, view 2 and 5 by node 2. */
function setUp(nodes = 3) {
  const found: string[] = [];
  const record = firstEpoch(Array.from({ length: nodes }, (_, id) => `node-${id}:2346`));
  const checker = new BoundValues(new Epochs(record), (finding) => found.push(finding));
  const durable = (nodeId: number, fields: SaveFields) => checker.durable(nodeId, saveOf(fields));
  const proposes = (nodeId: number, values: Values) =>
    checker.sent(nodeId, create(MessageSchema, { type: { case: "proposal", value: proposalOf(values) } }));
  return { checker, found, durable, proposes };
}

test("a value is chosen once a quorum has accepted it durably in one view", () => {
  const { checker, found, durable, proposes } = setUp();
  proposes(0, [0, 1, [10, 20]]);
  durable(0, { accepts: [[0, 1, [10, 20]]] });
  durable(0, { accepts: [[0, 1, [10, 20]]] });
  expect(checker.chosenUpTo).toBe(0);
  durable(2, { accepts: [[0, 2, [20]]] });
  // Seq 2 is chosen, seq 1 is not.
  expect(checker.chosenUpTo).toBe(0);
  durable(1, { accepts: [[0, 1, [10]]] });
  expect(checker.chosenUpTo).toBe(2);
  durable(1, { accepts: [[0, 2, [20]]] });
  expect(found).toEqual([]);
});

test("acceptances in different views do not add up", () => {
  const { checker, found, durable, proposes } = setUp();
  proposes(0, [0, 1, [10]]);
  durable(0, { accepts: [[0, 1, [10]]] });
  proposes(1, [1, 1, [10]]);
  durable(1, { accepts: [[1, 1, [10]]] });
  expect(checker.chosenUpTo).toBe(0);
  durable(2, { accepts: [[1, 1, [10]]] });
  expect(checker.chosenUpTo).toBe(1);
  expect(found).toEqual([]);
});

test("of five, three are a quorum", () => {
  const { checker, durable } = setUp(5);
  durable(0, { accepts: [[0, 1, [10]]] });
  durable(4, { accepts: [[0, 1, [10]]] });
  expect(checker.chosenUpTo).toBe(0);
  durable(2, { accepts: [[0, 1, [10]]] });
  expect(checker.chosenUpTo).toBe(1);
});

test("what was learnt as ordered does not count as accepted", () => {
  const { checker, durable } = setUp();
  durable(0, { accepts: [[0, 1, [10]]] });
  durable(1, { learns: [[0, 1, [10]]] });
  expect(checker.chosenUpTo).toBe(0);
});

test("one value per view and seq, proposed or accepted", () => {
  const { found, durable, proposes } = setUp();
  proposes(0, [0, 1, [10, 20]]);
  proposes(0, [0, 1, [10]]);
  expect(found).toEqual([]);
  proposes(0, [0, 2, [21]]);
  expect(found).toEqual(["node 0 proposes a second value for seq 2 in view 0"]);
  durable(1, { accepts: [[0, 1, [11]]] });
  expect(found).toEqual([
    "node 0 proposes a second value for seq 2 in view 0",
    "somebody accepts a second value for seq 1 in view 0",
  ]);
});

describe("what is chosen stays", () => {
  const chosen = () => {
    const all = setUp();
    for (const id of [0, 1]) all.durable(id, { accepts: [[1, 1, [10]]] });
    return all;
  };

  test("in higher views nothing else is proposed, nor accepted", () => {
    const { found, durable, proposes } = chosen();
    proposes(2, [2, 1, [10]]);
    durable(2, { accepts: [[2, 1, [10]]] });
    expect(found).toEqual([]);
    proposes(0, [3, 1, [11]]);
    expect(found).toEqual([
      "node 0 proposes in view 3 another value for seq 1 than a quorum accepted in view 1",
    ]);
    durable(2, { accepts: [[5, 1, [12]]] });
    expect(found[1]).toBe(
      "somebody accepts in view 5 another value for seq 1 than a quorum accepted in view 1",
    );
  });

  test("what comes late of lower views is harmless", () => {
    const { found, durable, proposes } = chosen();
    proposes(0, [0, 1, [9]]);
    durable(2, { accepts: [[0, 1, [9]]] });
    expect(found).toEqual([]);
  });
});

test("a view has one leader", () => {
  const { checker, found, durable } = setUp();
  durable(0, { led: 3 });
  durable(0, { led: 3 });
  durable(1, { led: 4 });
  expect([found, checker.views]).toEqual([[], 2]);
  durable(1, { led: 3 });
  expect(found).toEqual(["nodes 0 and 1 both lead view 3"]);
});

test("who has never led leads no view", () => {
  const { checker, durable } = setUp();
  durable(0, {});
  durable(1, {});
  expect(checker.views).toBe(0);
});

test("only its leader proposes in a view", () => {
  const { found, proposes } = setUp();
  proposes(1, [4, 1, [10]]);
  expect(found).toEqual([]);
  proposes(2, [4, 2, [10]]);
  expect(found).toEqual(["node 2 proposes in view 4, which it does not lead"]);
});

describe("nobody claims to know as ordered what is not", () => {
  type Claim = Extract<
    Message["type"]["case"],
    "heartbeat" | "accept" | "viewChange" | "prepare" | "prepareOk" | "catchUpAnswer"
  >;
  const claims: Claim[] = ["heartbeat", "accept", "viewChange", "prepare", "prepareOk", "catchUpAnswer"];

  test.each(claims)("in a %s", (name) => {
    const { checker, found, durable } = setUp();
    const claim = (aru: number) =>
      checker.sent(2, create(MessageSchema, { type: { case: name, value: { localAru: BigInt(aru) } } }));
    for (const id of [0, 1]) durable(id, { accepts: [[0, 1, [10]]] });
    claim(1);
    expect(found).toEqual([]);
    claim(2);
    expect(found).toEqual([
      `node 2 claims in a ${name} to know seq 2 as ordered; no quorum has durably accepted seq 2`,
    ]);
  });

  test("in a save", () => {
    const { found, durable } = setUp();
    durable(0, { accepts: [[0, 1, [10]]] });
    // The save that makes the quorum may say so itself.
    durable(1, { accepts: [[0, 1, [10]]], aru: 1 });
    expect(found).toEqual([]);
    durable(2, { aru: 2 });
    expect(found).toEqual([
      "node 2 claims in a save to know seq 2 as ordered; no quorum has durably accepted seq 2",
    ]);
  });

  test("nor applies it", () => {
    const { checker, found, durable } = setUp();
    for (const id of [0, 1]) durable(id, { accepts: [[0, 1, [10]]] });
    checker.applied({ nodeId: 2, seq: 1 });
    expect(found).toEqual([]);
    checker.applied({ nodeId: 2, seq: 2 });
    expect(found).toEqual(["node 2 applies seq 2, which no quorum has durably accepted"]);
  });
});
