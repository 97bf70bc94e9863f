import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ProposalSchema, StoredRunSchema } from "@paxos/proto";
import { decodeStoredRun, encodeStoredRun, runIdOf } from "./stored-run.js";

const updates = [new Uint8Array([1, 2, 3]), new Uint8Array(), new Uint8Array(300).fill(9)];
const proposal = create(ProposalSchema, { nodeId: 2n, view: 2n ** 63n + 5n, seq: 2n ** 52n, updates });

test.each([
  [
    "all fields",
    create(StoredRunSchema, { formatVersion: 1, epoch: 2n ** 64n - 1n, ordered: true, proposal }),
  ],
  ["default values", create(StoredRunSchema, { proposal })],
  ["an empty proposal", create(StoredRunSchema, { formatVersion: 1, proposal: create(ProposalSchema) })],
  ["nothing", create(StoredRunSchema)],
])("the encoder gives the bytes of the generated one: %s", (_, run) => {
  const bytes = toBinary(StoredRunSchema, run);
  expect(encodeStoredRun(run)).toEqual(bytes);
  expect(encodeStoredRun(run, 4)).toEqual(new Uint8Array([...bytes, 0, 0, 0, 0]));
});

test("a run decodes under its own name only", () => {
  const run = create(StoredRunSchema, { formatVersion: 1, epoch: 3n, proposal });
  const id = runIdOf(run);
  const bytes = encodeStoredRun(run);
  expect(decodeStoredRun(id, bytes)).toEqual(run);
  for (const other of [{ seq: 5 }, { count: 2 }, { ordered: true }, { epoch: 4n }, { view: 2n }]) {
    expect(decodeStoredRun({ ...id, ...other }, bytes)).toBeUndefined();
  }
});
