import { create } from "@bufbuild/protobuf";
import { firstEpoch, type Save } from "@paxos/core";
import { PersistentStateSchema, StoredRunSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { Epochs } from "./epochs.js";
import { BoundValues } from "./bound-values.js";
import { StoredOrder } from "./stored-order.js";

interface Run {
  readonly view?: number;
  readonly seq: number;
  /** One byte each, from seq on. */
  readonly values: readonly number[];
  readonly ordered?: boolean;
}

const saveOf = (aru: number, runs: readonly Run[]): Save => ({
  number: 1,
  state: create(PersistentStateSchema, { localAru: BigInt(aru) }),
  runs: runs.map(({ view = 0, seq, values, ordered = false }) =>
    create(StoredRunSchema, {
      ordered,
      proposal: {
        view: BigInt(view),
        seq: BigInt(seq),
        updates: values.map((value) => Uint8Array.of(value)),
      },
    }),
  ),
  messages: [],
});

/** Of three nodes, 0 and 1 have accepted 11, 12, 13 at seqs 1 to 3 in view 3. */
function setUp() {
  const found: string[] = [];
  const record = firstEpoch(["a:1", "b:1", "c:1"]);
  const bound = new BoundValues(new Epochs(record), (finding) => found.push(finding));
  for (const id of [0, 1]) bound.durable(id, saveOf(0, [{ view: 3, seq: 1, values: [11, 12, 13] }]));
  const checker = new StoredOrder(bound, (finding) => found.push(finding));
  return { found, checker, saves: (aru: number, ...runs: Run[]) => checker.durable(2, saveOf(aru, runs)) };
}

const nothing = (seq: number) => `node 2 marks seq ${seq} as ordered, and its storage holds nothing there`;
const other = (seq: number) =>
  `node 2 marks seq ${seq} as ordered, and its storage holds something else than a quorum has accepted there`;

test("what a quorum has accepted is held, accepted or learnt, in one save or in several", () => {
  const { found, saves } = setUp();
  saves(0, { view: 3, seq: 1, values: [11, 12] });
  saves(2);
  saves(3, { seq: 3, values: [13], ordered: true });
  expect(found).toEqual([]);
});

test("something is missing", () => {
  const { found, saves } = setUp();
  saves(3, { view: 3, seq: 1, values: [11] }, { view: 3, seq: 3, values: [13] });
  expect(found).toEqual([nothing(2)]);
  // Said once.
  saves(3);
  expect(found).toHaveLength(1);
});

test("something else is held, or outranks it", () => {
  const wrong: [number, ...Run[]][] = [
    [1, { view: 3, seq: 1, values: [99] }],
    [1, { view: 3, seq: 1, values: [11] }, { view: 4, seq: 1, values: [99] }],
    [1, { view: 4, seq: 1, values: [99] }, { view: 3, seq: 1, values: [11] }],
    [1, { view: 3, seq: 1, values: [11] }, { seq: 1, values: [99], ordered: true }],
  ];
  for (const [aru, ...runs] of wrong) {
    const { found, saves } = setUp();
    saves(aru, ...runs);
    expect(found).toEqual([other(1)]);
  }
});

test("what is outranked does not matter", () => {
  const { found, saves } = setUp();
  saves(0, { view: 2, seq: 1, values: [99, 98] }, { view: 3, seq: 1, values: [11] });
  saves(2, { seq: 2, values: [12], ordered: true }, { view: 9, seq: 2, values: [97] });
  expect(found).toEqual([]);
});

test("what is not marked as ordered may be anything", () => {
  const { found, saves } = setUp();
  saves(1, { view: 3, seq: 1, values: [11] }, { view: 5, seq: 2, values: [99] });
  expect(found).toEqual([]);
});

test("what was saved once counts from then on, unless the disk is emptied", () => {
  const { found, checker, saves } = setUp();
  saves(1, { view: 3, seq: 1, values: [11, 12] });
  saves(2);
  expect(found).toEqual([]);
  checker.exchanged(2, { storeId: 2n, runs: [] });
  saves(1);
  expect(found).toEqual([nothing(1)]);
});
