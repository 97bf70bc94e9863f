import { create, toBinary, type MessageInitShape, type UnknownField } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  encodePersistentState,
  EpochRecordSchema,
  PersistentStateSchema,
  type PersistentState,
} from "../src/index.js";

const most = 2n ** 64n - 1n;
const epochRecord = { epoch: 3n, firstSeq: 7n };

const states: [string, MessageInitShape<typeof PersistentStateSchema>][] = [
  ["nothing", {}],
  [
    "small numbers",
    {
      nodeId: 1n,
      nodeCount: 3n,
      lastInstalled: 4n,
      formatVersion: 1,
      saveNumber: 5n,
      promisedView: 4n,
      localAru: 9n,
    },
  ],
  [
    "the largest numbers",
    {
      nodeId: most,
      nodeCount: most,
      formatVersion: 2 ** 32 - 1,
      saveNumber: most,
      promisedView: most,
      localAru: most,
    },
  ],
  ["view 0 led", { ledView: 0n }],
  ["a view led", { ledView: 2n ** 35n }],
  ["a membership", { epochRecord }],
  ["an empty membership", { epochRecord: {} }],
  [
    "stores of peers",
    {
      peerStores: [
        { nodeId: 0n, storeId: most },
        { nodeId: 2n, storeId: 5n, save: {} },
        { nodeId: 300n, storeId: 2n ** 40n, save: { incarnation: most, saveNumber: 2n ** 33n } },
        {},
      ],
    },
  ],
  ["no saves", { saveHistory: {} }],
  [
    "saves",
    {
      saveHistory: {
        marks: Array.from({ length: 32 }, (_, i) => ({
          incarnation: most - BigInt(i),
          saveNumber: BigInt(i),
        })),
      },
    },
  ],
  ["a cluster and an address", { clusterId: new Uint8Array(32).fill(200), address: "größe.example:4000" }],
  ["fields of the Go library", { prepare: { nodeId: 1n, view: 2n }, proposal: { nodeId: 1n }, nodeId: 2n }],
];

test.each(states)("a state is written as the generated encoder does: %s", (_, init) => {
  const state = create(PersistentStateSchema, init);
  expect(encodePersistentState(state)).toEqual(toBinary(PersistentStateSchema, state));
});

test("all of it together, and twice with the same membership", () => {
  const shared = create(EpochRecordSchema, epochRecord);
  const all = Object.assign({}, ...states.slice(0, -1).map(([, init]) => init)) as object;
  for (const saveNumber of [1n, 2n]) {
    const state = create(PersistentStateSchema, { ...all, epochRecord: shared, saveNumber });
    expect(encodePersistentState(state)).toEqual(toBinary(PersistentStateSchema, state));
  }
});

const unknown = [{ no: 99, wireType: 0, data: Uint8Array.of(1) }];

type Part = (state: PersistentState) => { $unknown?: UnknownField[] | undefined };
const parts: [string, Part][] = [
  ["the state", (state) => state],
  ["the history", (state) => state.saveHistory!],
  ["a mark", (state) => state.saveHistory!.marks[0]!],
  ["a store", (state) => state.peerStores[0]!],
  ["the last save of a store", (state) => state.peerStores[0]!.save!],
  ["the membership", (state) => state.epochRecord!],
];

test.each(parts)("fields that this release does not know are kept: of %s", (_, part) => {
  const state = full();
  const without = toBinary(PersistentStateSchema, state).length;
  part(state).$unknown = unknown;
  const bytes = encodePersistentState(state);
  expect(bytes).toEqual(toBinary(PersistentStateSchema, state));
  expect(bytes.length).toBeGreaterThan(without);
});

function full(): PersistentState {
  return create(PersistentStateSchema, {
    nodeId: 1n,
    epochRecord,
    peerStores: [{ nodeId: 2n, storeId: 3n, save: { incarnation: 4n, saveNumber: 5n } }],
    saveHistory: { marks: [{ incarnation: 6n, saveNumber: 7n }] },
  });
}
