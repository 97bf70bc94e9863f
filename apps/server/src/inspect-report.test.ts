import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import { EpochRecordSchema, MemberSchema } from "@paxos/proto";
import { clusterIdOf } from "@paxos/replica";
import type { StorageReport } from "@paxos/storage-level";

import { describeReport, reportToJson } from "./inspect-report.js";

const epochRecord = firstEpoch(["a:1", "b:1", "c:1"]);

const state = {
  nodeId: 1n,
  saveNumber: 1207,
  promisedView: 4n,
  ledView: 4n,
  localAru: 10_450,
  epochRecord,
  peerStores: [],
};

const report: StorageReport = {
  name: "/data/node-1",
  format: 2,
  storeId: 0xabn,
  state,
  firstSeq: 5001,
  log: { updates: 5450, runs: 61, bytes: 3 * 1024 * 1024 },
  accepted: { runs: 2, lastSeq: 10_460 },
  snapshots: [
    { seq: 9000, origin: 1n, chunks: 1, bytes: 62, isWhole: true },
    { seq: 10_000, origin: 0xabn, chunks: 9, bytes: 2_200_000, isWhole: false },
  ],
  incoming: { seq: 10_900, origin: 2n, chunks: 8, next: 3 },
  saves: { first: 1001, count: 207 },
  leftovers: 1,
  problems: ["the record chunk/ seq 10000 index 3 is missing: replace this member."],
  problemCount: 2,
};

test("people read what a store holds, and what is wrong with it", () => {
  expect(describeReport(report)).toBe(`/data/node-1

store      00000000000000ab, format 2
cluster    ${Buffer.from(clusterIdOf(epochRecord)).toString("hex")}
epoch      0; quorums of 2 to prepare and 2 to accept
members    0  a:1  not met yet
           1  b:1  this one
           2  c:1  not met yet
saves      1,207 made; 207 on record, from 1,001 on
promised   view 4; led view 4
ordered    up to seq 10,450
log        seq 5,001 to 10,450: 61 records, 3.0 MiB; accepted above it: 2 records, up to seq 10,460
snapshots  seq 9,000: 62 bytes in 1 chunk
           seq 10,000: 2.1 MiB in 9 chunks, NOT WHOLE
           seq 10,900: of a peer, 3 of 8 chunks received
leftovers  1 record of crashes, which the next start removes

2 problems:
- the record chunk/ seq 10000 index 3 is missing: replace this member.
- and 1 more
`);
});

test("of a cluster that has changed its members: the epoch, learners, whether this one was removed, the id from before", () => {
  const changed = create(EpochRecordSchema, {
    ...epochRecord,
    epoch: 4n,
    voters: epochRecord.voters.slice(0, 1),
    learners: [create(MemberSchema, { nodeId: 5n, address: "f:1" })],
    prepareQuorum: 1,
    acceptQuorum: 1,
    nextNodeId: 6n,
  });
  const clusterId = Uint8Array.of(0xc1, 0xd2);
  const of = (nodeId: bigint) =>
    describeReport({ ...report, state: { ...state, nodeId, epochRecord: changed, clusterId } });
  expect(of(0n)).toContain(`
cluster    c1d2
epoch      4; quorums of 1 to prepare and 1 to accept
members    0  a:1  this one
           5  f:1  not met yet, a learner
`);
  expect(of(1n)).toContain("to accept; node 1, this one, was removed\n");
});

test("a store in which nothing was saved yet", () => {
  const { state: _, incoming: __, ...rest } = report;
  const nothing = { updates: 0, runs: 0, bytes: 0 };
  const text = describeReport({
    ...rest,
    firstSeq: 1,
    log: nothing,
    accepted: { runs: 0, lastSeq: 0 },
    snapshots: [],
    leftovers: 0,
    problems: [],
    problemCount: 0,
  });
  expect(text).toContain(
    "log        empty; goes on at seq 1\nsnapshots  none\n\nok: everything is there and whole\n",
  );
});

test("programs read the same, ids in hexadecimal", () => {
  expect(JSON.parse(reportToJson(report))).toMatchObject({
    storeId: "00000000000000ab",
    state: { nodeId: 1, ledView: 4, beganWithBackup: false, voters: [{ nodeId: 0, address: "a:1" }, {}, {}] },
    snapshots: [{ origin: "0000000000000001", isWhole: true }, { isWhole: false }],
    incoming: { next: 3 },
    problemCount: 2,
  });
});
