import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { encodeStoredRun, ProposalSchema, StoredRunSchema } from "@paxos/proto";
import { decodeStoredRun, runIdOf } from "./stored-run.js";

const updates = [new Uint8Array([1, 2, 3]), new Uint8Array(), new Uint8Array(300).fill(9)];
const proposal = create(ProposalSchema, { nodeId: 2n, view: 2n ** 63n + 5n, seq: 2n ** 52n, updates });

test("a run decodes under its own name only", () => {
  const run = create(StoredRunSchema, { formatVersion: 1, epoch: 3n, proposal });
  const id = runIdOf(run);
  const bytes = encodeStoredRun(run);
  expect(decodeStoredRun(id, bytes)).toEqual(run);
  for (const other of [{ seq: 5 }, { count: 2 }, { ordered: true }, { epoch: 4n }, { view: 2n }]) {
    expect(decodeStoredRun({ ...id, ...other }, bytes)).toBeUndefined();
  }
});
