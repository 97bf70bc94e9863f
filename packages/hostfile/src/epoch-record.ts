// The hostfile is the bootstrap of epoch 0: its record, and the cluster's id.
import { createHash } from "node:crypto";

import { clone, create, toBinary } from "@bufbuild/protobuf";
import { type EpochRecord, EpochRecordSchema } from "@paxos/proto";

import type { HostfileMember } from "./hostfile.js";

/** The length of a cluster id, in bytes. */
export const CLUSTER_ID_LENGTH = 16;

/** The record of epoch 0: the members vote, in their order, and majorities decide. Store ids are not known yet. */
export function epochRecordOf(members: readonly HostfileMember[]): EpochRecord {
  const majority = Math.floor(members.length / 2) + 1;
  return create(EpochRecordSchema, {
    formatVersion: 1,
    epoch: 0n,
    voters: members.map(({ nodeId, address }) => ({ nodeId: BigInt(nodeId), address, storeId: 0n })),
    learners: [],
    prepareQuorum: majority,
    acceptQuorum: majority,
    nextNodeId: BigInt(members.length),
  });
}

/**
 * The id of the cluster that begins with this record: the first {@link CLUSTER_ID_LENGTH} bytes of the SHA-256 digest of
 * its encoding. Store ids do not enter into it: they are learnt later. The encoding is canonical because fields are
 * written in the order of their numbers, and the record holds no map.
 */
export function clusterIdOf(record: EpochRecord): Uint8Array {
  const bare = clone(EpochRecordSchema, record);
  for (const member of [...bare.voters, ...bare.learners]) member.storeId = 0n;
  const digest = createHash("sha256").update(toBinary(EpochRecordSchema, bare, { writeUnknownFields: false }));
  return new Uint8Array(digest.digest().subarray(0, CLUSTER_ID_LENGTH));
}
