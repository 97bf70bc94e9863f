import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { EpochRecordSchema, type EpochRecord } from "@paxos/proto";
import { ConfigError } from "./errors.js";
import { firstEpoch, Membership } from "./membership.js";

const addresses = (size: number): string[] => Array.from({ length: size }, (_, id) => `10.0.0.${id}:2346`);

test.each([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
  [6, 4],
  [7, 4],
])("the first epoch of %d nodes has quorums of %d", (size, quorum) => {
  const record = firstEpoch(addresses(size));
  expect(record.voters.map(({ nodeId, address, storeId }) => [nodeId, address, storeId])).toEqual(
    addresses(size).map((address, id) => [BigInt(id), address, 0n]),
  );
  const membership = new Membership(record);
  expect(membership.epoch).toBe(0);
  expect(record.nextNodeId).toBe(BigInt(size));
  expect([membership.prepareQuorum, membership.acceptQuorum, membership.hearingQuorum]).toEqual([
    quorum,
    quorum,
    quorum,
  ]);
  expect(membership.members).toEqual(membership.voters);
});

test("a cluster may be founded with other quorums, as long as they always meet", () => {
  const quorums = { prepareQuorum: 4, acceptQuorum: 2 };
  expect(firstEpoch(addresses(5), quorums)).toMatchObject(quorums);
  expect(new Membership(firstEpoch(addresses(5), quorums)).hearingQuorum).toBe(4);
  const found = (prepareQuorum: number, acceptQuorum: number) => () =>
    firstEpoch(addresses(5), { prepareQuorum, acceptQuorum });
  expect(found(3, 2)).toThrow(/prepareQuorum 3 and acceptQuorum 2 of 5 voters do not always meet/);
  expect(found(6, 1)).toThrow(/prepareQuorum is 6; allowed is 1 to 5/);
  expect(found(5, 0)).toThrow(ConfigError);
});

/** Voters 3, 5, 8 and learner 9: ids need not be indices. */
function record(change: (record: EpochRecord) => void = () => undefined): EpochRecord {
  const made = create(EpochRecordSchema, {
    formatVersion: 1,
    epoch: 4n,
    voters: [3n, 5n, 8n].map((nodeId) => ({ nodeId, address: `node-${nodeId}:1` })),
    learners: [{ nodeId: 9n, address: "node-9:1" }],
    prepareQuorum: 3,
    acceptQuorum: 1,
    nextNodeId: 10n,
  });
  change(made);
  return made;
}

test("reads voters, learners and quorum sizes set apart", () => {
  const membership = new Membership(record());
  expect(membership.epoch).toBe(4);
  expect(membership.voters).toEqual([3, 5, 8]);
  expect(membership.members).toEqual([3, 5, 8, 9]);
  expect([membership.prepareQuorum, membership.acceptQuorum, membership.hearingQuorum]).toEqual([3, 1, 3]);
  expect([3, 5, 8, 9, 0].map((id) => membership.isVoter(id))).toEqual([true, true, true, false, false]);
});

test("view v is led by voters[v mod voters.length]", () => {
  const membership = new Membership(record());
  expect([0, 1, 2, 3, 4, 3_000_000_000_001].map((view) => membership.leaderOf(view))).toEqual([
    3, 5, 8, 3, 5, 5,
  ]);
});

test.each<[string, (record: EpochRecord) => void]>([
  ["epochRecord: formatVersion is 2; this version of the library reads 1", (r) => (r.formatVersion = 2)],
  ["epochRecord: formatVersion is 0; this version of the library reads 1", (r) => (r.formatVersion = 0)],
  ["epochRecord: voters is empty; at least one is needed", (r) => (r.voters = [])],
  ["epochRecord: node ids 3, 5, 3, 9 are not distinct", (r) => (r.voters[2]!.nodeId = 3n)],
  ["epochRecord: node ids 3, 5, 8, 5 are not distinct", (r) => (r.learners[0]!.nodeId = 5n)],
  ["epochRecord: node id 9 is not below nextNodeId 9", (r) => (r.nextNodeId = 9n)],
  [
    "epochRecord: node id 9007199254740992 exceeds 2^53 - 1",
    (r) => ((r.voters[0]!.nodeId = 2n ** 53n), (r.nextNodeId = 2n ** 60n)),
  ],
  ["epochRecord: prepareQuorum is 0; allowed is 1 to 3, the number of voters", (r) => (r.prepareQuorum = 0)],
  ["epochRecord: prepareQuorum is 4; allowed is 1 to 3, the number of voters", (r) => (r.prepareQuorum = 4)],
  ["epochRecord: acceptQuorum is 0; allowed is 1 to 3, the number of voters", (r) => (r.acceptQuorum = 0)],
  ["epochRecord: acceptQuorum is 4; allowed is 1 to 3, the number of voters", (r) => (r.acceptQuorum = 4)],
  [
    "epochRecord: prepareQuorum 2 and acceptQuorum 1 of 3 voters do not always meet; their sum must exceed 3",
    (r) => (r.prepareQuorum = 2),
  ],
])("refuses: %s", (message, change) => {
  expect(() => new Membership(record(change))).toThrow(new ConfigError(message));
});
