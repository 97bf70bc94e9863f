import type { SnapshotPolicy } from "@paxos/replica";
import type { Compaction } from "./checkers/compaction.js";
import type { Host } from "./world/host.js";

/**
 * At rest a disk holds what the policy keeps, and no more: the log since the latest snapshot, its tail, what peers have
 * asked for; the latest snapshot, and one for each peer. What is wrong, in words.
 */
export function overgrowth(
  { id, disk }: Host,
  parts: {
    readonly snapshots: Partial<SnapshotPolicy>;
    readonly hosts: readonly Host[];
    readonly compaction: Compaction;
  },
): string | undefined {
  const { snapshots, hosts, compaction } = parts;
  const { contents } = disk;
  const due = compaction.dueFirstSeq(id, snapshots.tailUpdates ?? Infinity);
  if (contents.firstSeq < due)
    return `the log of node ${id} begins at seq ${contents.firstSeq}; nobody needs it below ${due}`;
  const count = contents.snapshots.held.length;
  if (count <= hosts.length) return undefined;
  return `node ${id} holds ${count} snapshots, for ${hosts.length - 1} peers`;
}
