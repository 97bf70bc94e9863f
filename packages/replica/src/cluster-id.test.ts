import { clone, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import { EpochRecordSchema } from "@paxos/proto";
import { clusterIdOf } from "./cluster-id.js";

const addresses = ["a:2346", "b:2346", "c:2346"];
const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");

test("the same members make the same id, in every version: it is part of the protocol", () => {
  expect(hex(clusterIdOf(firstEpoch(addresses)))).toBe("d35c4b2ca9c1828d468bab26763ad114");
});

test("other members, another order, other addresses or other quorums make another", () => {
  const quorums = firstEpoch(addresses);
  quorums.acceptQuorum = 3;
  const records = [
    firstEpoch(addresses),
    firstEpoch(addresses.slice(0, 2)),
    firstEpoch([...addresses].reverse()),
    firstEpoch(["a:2347", ...addresses.slice(1)]),
    quorums,
  ];
  expect(new Set(records.map((record) => hex(clusterIdOf(record)))).size).toBe(records.length);
});

test("store ids, learnt later, do not change it; nor is the record changed", () => {
  const record = firstEpoch(addresses);
  const known = clone(EpochRecordSchema, record);
  for (const voter of known.voters) voter.storeId = 5n;
  const before = toBinary(EpochRecordSchema, known);
  expect(hex(clusterIdOf(known))).toBe(hex(clusterIdOf(record)));
  expect(toBinary(EpochRecordSchema, known)).toEqual(before);
});
