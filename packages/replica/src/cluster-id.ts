import { createHash } from "node:crypto";
import { clone, toBinary } from "@bufbuild/protobuf";
import { membersOf } from "@paxos/core";
import { EpochRecordSchema, type EpochRecord } from "@paxos/proto";

const length = 16;

/**
 * The id of the cluster that begins with this record of epoch 0: 16 bytes of the SHA-256 digest of its
 * encoding, store ids left out. Nodes with other members, addresses or quorums belong to another cluster.
 */
export function clusterIdOf(record: EpochRecord): Uint8Array {
  const bare = clone(EpochRecordSchema, record);
  for (const member of membersOf(bare)) member.storeId = 0n;
  const digest = createHash("sha256")
    .update(toBinary(EpochRecordSchema, bare, { writeUnknownFields: false }))
    .digest();
  return new Uint8Array(digest.subarray(0, length));
}
