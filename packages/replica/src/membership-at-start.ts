// What storage and configuration say of the membership when a node starts.
import { ConfigError, type StoredState } from "@paxos/core";
import type { EpochRecord } from "@paxos/proto";
import { clusterIdOf } from "./cluster-id.js";

/** What a node begins with. */
export interface MembershipAtStart {
  /** What the core is given; it prefers what storage knows. */
  readonly epochRecord: EpochRecord;
  readonly clusterId: Uint8Array;
  /** The membership at the seq with which the state machine starts; undefined when that is not known. */
  readonly recordAtStart: EpochRecord | undefined;
}

/** What the node was given; what is left out, its storage must know. */
interface Configured {
  readonly epochRecord?: EpochRecord | undefined;
  readonly clusterId?: Uint8Array | undefined;
}

/**
 * Once a cluster is formed, what is on record counts; the configuration must be that of the same cluster, or silent.
 * @throws ConfigError when they disagree, or when neither says anything.
 */
export function membershipAtStart(stored: StoredState, configured: Configured): MembershipAtStart {
  const record = stored.state?.epochRecord;
  const snapshot = stored.snapshots?.at(-1);
  const epochRecord = configured.epochRecord ?? record;
  if (epochRecord === undefined) {
    throw new ConfigError(
      "this node's storage is new, so it must be told the members: give it the epoch record of a new cluster, or that of the one it is to join",
    );
  }
  const clusterId = clusterIdAtStart(stored, configured, epochRecord);
  // What a node that joined was told at first is not where its log begins.
  const founding = [record, epochRecord].find((one) => one?.epoch === 0n);
  return { epochRecord, clusterId, recordAtStart: snapshot === undefined ? founding : snapshot.epochRecord };
}

function clusterIdAtStart(
  { state }: StoredState,
  configured: Configured,
  epochRecord: EpochRecord,
): Uint8Array {
  const record = state?.epochRecord;
  if (state === undefined || record === undefined) return configured.clusterId ?? clusterIdOf(epochRecord);
  const onRecord = state.clusterId.length > 0 ? state.clusterId : clusterIdOf(record);
  // The members of epoch 0 are what a cluster is called after; of a later epoch they say nothing about that.
  const named =
    configured.clusterId ??
    (configured.epochRecord?.epoch === 0n
      ? clusterIdOf({ ...configured.epochRecord, base: record.base })
      : undefined);
  // A cluster that was recovered from one survivor has a name that no configuration gives.
  const isRecovered = configured.clusterId === undefined && Buffer.compare(record.base, onRecord) === 0;
  // In epoch 0 the core compares the records themselves, and says more.
  if (named !== undefined && !isRecovered && record.epoch > 0n && Buffer.compare(named, onRecord) !== 0) {
    throw new ConfigError(
      "the storage belongs to a cluster that began with other members than the configuration names; restore the configuration " +
        "that the cluster began with, leave it out, or give this node a storage of its own",
    );
  }
  return onRecord;
}
