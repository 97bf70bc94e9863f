// What the store of a member begins with, whose cluster begins with a backup.
import { createHash } from "node:crypto";

import { create, toBinary } from "@bufbuild/protobuf";
import { ConfigError } from "@paxos/core";
import {
  type EpochRecord,
  EpochRecordSchema,
  PersistentStateSchema,
  type Snapshot,
  SnapshotSchema,
} from "@paxos/proto";

/** Of snapshots and states, what this release writes and reads. */
const FORMAT_VERSION = 1;

const BASE_BYTES = 16;

/** The record of the cluster that begins with a backup: that of its hostfile, and what tells the backup from all others. */
export function recordOf(hostfile: EpochRecord, backup: Snapshot): EpochRecord {
  const digest = createHash("sha256").update(toBinary(SnapshotSchema, backup)).digest();
  return create(EpochRecordSchema, { ...hostfile, base: new Uint8Array(digest.subarray(0, BASE_BYTES)) });
}

/** What the store begins with: the snapshot as one of the new cluster, and the first save of a member that has it. */
export function firstContent(backup: Snapshot, nodeId: number, epochRecord: EpochRecord) {
  const state = create(PersistentStateSchema, {
    formatVersion: FORMAT_VERSION,
    nodeId: BigInt(nodeId),
    nodeCount: BigInt(epochRecord.voters.length),
    saveNumber: 1n,
    localAru: backup.seq,
    epochRecord,
  });
  // With the members of the old cluster, no peer would take it.
  return { state, snapshot: create(SnapshotSchema, { ...backup, epochRecord }) };
}

/** @throws ConfigError for a snapshot that this release cannot read. */
export function requireReadable({ formatVersion }: Snapshot, file: string): void {
  if (formatVersion === FORMAT_VERSION) return;
  throw new ConfigError(
    `${file} holds a snapshot of format version ${formatVersion}; this release reads ${FORMAT_VERSION}: ` +
      "restore it with the release that has taken it",
  );
}
