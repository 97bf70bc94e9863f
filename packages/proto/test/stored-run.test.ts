import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  decodeStoredRun,
  encodeProposal,
  encodeStoredRun,
  ProposalSchema,
  StoredRunSchema,
} from "../src/index.js";

const updates = [new Uint8Array([1, 2, 3]), new Uint8Array(), new Uint8Array(300).fill(9)];
const newProposal = () =>
  create(ProposalSchema, { nodeId: 2n, view: 2n ** 63n + 5n, seq: 2n ** 52n, updates });
const proposal = newProposal();

const runs = [
  [
    "all fields",
    create(StoredRunSchema, { formatVersion: 1, epoch: 2n ** 64n - 1n, ordered: true, proposal }),
  ],
  ["a large version", create(StoredRunSchema, { formatVersion: 2 ** 32 - 1, proposal })],
  ["default values", create(StoredRunSchema, { proposal })],
  ["an empty proposal", create(StoredRunSchema, { formatVersion: 1, proposal: create(ProposalSchema) })],
  ["nothing", create(StoredRunSchema)],
] as const;

test.each(runs)("a run has the bytes of the generated encoder, with room behind: %s", (_, run) => {
  const bytes = toBinary(StoredRunSchema, run);
  expect(encodeStoredRun(run)).toEqual(bytes);
  expect(encodeStoredRun(run, 4)).toEqual(new Uint8Array([...bytes, 0, 0, 0, 0]));
});

test.each(runs)("a run is what the generated decoder makes of its bytes: %s", (_, run) => {
  const bytes = toBinary(StoredRunSchema, run);
  expect(decodeStoredRun(bytes)).toEqual(fromBinary(StoredRunSchema, bytes));
  expect(decodeStoredRun(bytes)).toEqual(run);
});

test("a proposal that was encoded before has the same bytes in a run", () => {
  const fresh = create(StoredRunSchema, { formatVersion: 1, proposal: newProposal() });
  const sent = create(StoredRunSchema, { formatVersion: 1, proposal: newProposal() });
  encodeProposal(sent.proposal!);
  expect(encodeStoredRun(sent)).toEqual(encodeStoredRun(fresh));
});

test("updates of a decoded run share its memory", () => {
  const bytes = encodeStoredRun(create(StoredRunSchema, { proposal }));
  expect(decodeStoredRun(bytes).proposal?.updates.every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
});

const whole = toBinary(StoredRunSchema, create(StoredRunSchema, { formatVersion: 1, epoch: 3n, proposal }));

test.each([
  ["an unknown field", [...whole, 0x28, 7]],
  ["a proposal that comes twice", [...whole, ...whole]],
  ["a proposal with an unknown field", [0x22, 2, 0x28, 7]],
  ["numbers that are longer than they need be", [0x08, 0x81, 0x00, 0x18, 0x80, 0x00]],
])("what has %s is read as the generated decoder does", (_, content) => {
  const bytes = Uint8Array.from(content);
  expect(decodeStoredRun(bytes)).toEqual(fromBinary(StoredRunSchema, bytes));
});

/** What a decoder makes of bytes, refusal included. */
function outcomeOf(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch {
    return "refused";
  }
}

test("what is cut off is refused where the generated decoder refuses it", () => {
  for (let length = 0; length < whole.length; length++) {
    const bytes = whole.subarray(0, length);
    const expected = outcomeOf((cut) => fromBinary(StoredRunSchema, cut), bytes);
    expect(outcomeOf(decodeStoredRun, bytes)).toEqual(expected);
  }
});
