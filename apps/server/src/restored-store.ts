// A new store, of a member of a new cluster that begins with a backup.
import { createHash } from "node:crypto";

import { create, toBinary } from "@bufbuild/protobuf";
import { ConfigError, type Storage } from "@paxos/core";
import {
  type BackupPiece,
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

/** What goes into the store. */
export interface Restored {
  readonly nodeId: number;
  readonly epochRecord: EpochRecord;
  /** The snapshot that was backed up, and its pieces from the first to the last. */
  readonly backup: Snapshot;
  readonly pieces: AsyncIterable<BackupPiece>;
}

/**
 * Puts a backup into a store that was never used, as a member's would be that has received it from a peer: the port of storage
 * has all it takes.
 */
export async function fillStore(storage: Storage, restored: Restored): Promise<void> {
  const { nodeId, epochRecord, backup, pieces } = restored;
  const { state } = await storage.load();
  if (state !== undefined) throw new ConfigError("the store has been used already; make a new one");
  // Its members are those of the new cluster, or no peer would take it.
  const snapshot = create(SnapshotSchema, { ...backup, epochRecord });
  for await (const { index, data, checksum } of pieces) {
    const next = await storage.receiveChunk(snapshot, index, { data, checksum });
    if (next !== index + 1) throw new ConfigError(`piece ${index} of the backup is damaged`);
  }
  await storage.save({
    number: 1,
    state: create(PersistentStateSchema, {
      formatVersion: FORMAT_VERSION,
      nodeId: BigInt(nodeId),
      nodeCount: BigInt(epochRecord.voters.length),
      saveNumber: 1n,
      localAru: snapshot.seq,
      epochRecord,
    }),
    runs: [],
    install: snapshot,
    messages: [],
  });
}

/** @throws ConfigError for a snapshot that this release cannot read. */
export function requireReadable({ formatVersion }: Snapshot, file: string): void {
  if (formatVersion === FORMAT_VERSION) return;
  throw new ConfigError(
    `${file} holds a snapshot of format version ${formatVersion}; this release reads ${FORMAT_VERSION}: ` +
      "restore it with the release that has taken it",
  );
}
