import type { SnapshotPolicy } from "@paxos/replica";
import type { Host } from "./world/host.js";

/** What an entry of the log counts for at least, for bounds in bytes. */
const entryBytes = 32;

/** Updates that may be applied while a snapshot is being written, and those that come before the next one is due. */
const slack = 60;

/**
 * At rest a disk holds what the policy keeps, and no more: the log since the latest snapshot, its tail, what is kept for
 * peers. What is wrong, in words.
 */
export function overgrowth(
  { id, disk }: Host,
  { snapshots, hosts }: { readonly snapshots: Partial<SnapshotPolicy>; readonly hosts: readonly Host[] },
): string | undefined {
  const { everyUpdates, tailUpdates = Infinity, heldBytes = Infinity } = snapshots;
  const { contents, durableAru } = disk;
  if (everyUpdates === undefined || contents.snapshots.latest === undefined) return undefined;
  const length = durableAru + 1 - contents.firstSeq;
  const most = everyUpdates + Math.max(tailUpdates, Math.ceil(heldBytes / entryBytes)) + slack;
  if (length > most)
    return `at rest the log of node ${id} has ${length} entries; the policy keeps ${most} at most`;
  const count = contents.snapshots.held.length;
  if (count <= hosts.length) return undefined;
  return `at rest node ${id} holds ${count} snapshots, for ${hosts.length - 1} peers`;
}
