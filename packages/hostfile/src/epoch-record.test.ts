import { clone, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { EpochRecordSchema } from "@paxos/proto";

import { clusterIdOf, epochRecordOf } from "./epoch-record.js";
import { parseHostfile } from "./hostfile.js";

const record = (text: string) => epochRecordOf(parseHostfile(text, "hosts"));
const clusterId = (text: string) => Buffer.from(clusterIdOf(record(text))).toString("hex");

test("the record of epoch 0 has the members as voters, in their order", () => {
  expect(record("a\nb:1\n[::1]:2")).toMatchObject({
    formatVersion: 1,
    epoch: 0n,
    voters: [
      { nodeId: 0n, address: "a:2346", storeId: 0n },
      { nodeId: 1n, address: "b:1", storeId: 0n },
      { nodeId: 2n, address: "[::1]:2", storeId: 0n },
    ],
    learners: [],
    nextNodeId: 3n,
  });
});

test.each([1, 2, 3, 4, 5, 6, 7])("the quorums of %i voters are majorities that meet", (n) => {
  const { prepareQuorum, acceptQuorum } = record(Array.from({ length: n }, (_, i) => `h${i}`).join("\n"));
  expect(prepareQuorum).toBe(Math.floor(n / 2) + 1);
  expect(acceptQuorum).toBe(prepareQuorum);
  expect(prepareQuorum + acceptQuorum).toBeGreaterThan(n);
});

test("the cluster id never changes: it is on disk and on the wire", () => {
  expect(Buffer.from(toBinary(EpochRecordSchema, record("a\nb"))).toString("hex")).toBe(
    "08011a081206613a323334361a0a08011206623a32333436280230023802",
  );
  expect(clusterId("a\nb")).toBe("d6e3f926100ef68ba01630616e95c5dc");
});

test("the cluster id depends on addresses and order, not on how the file is written", () => {
  expect(clusterId("A # first\r\n\r\nb:2346")).toBe(clusterId("a\nb"));
  expect(clusterId("b\na")).not.toBe(clusterId("a\nb"));
  expect(clusterId("a\nb:1")).not.toBe(clusterId("a\nb"));
});

test("the cluster id does not depend on store ids, and computing it changes nothing", () => {
  const known = record("a\nb");
  for (const voter of known.voters) voter.storeId = 7n;
  const before = clone(EpochRecordSchema, known);
  expect(Buffer.from(clusterIdOf(known)).toString("hex")).toBe(clusterId("a\nb"));
  expect(known).toEqual(before);
});
