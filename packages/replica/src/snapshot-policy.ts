import { ConfigError, maxChunkBytes } from "@paxos/core";

/**
 * When a replica takes snapshots, and how much of its log it keeps behind them. The log on disk takes up to `everyBytes`
 * (or `everyUpdates`) and `tailBytes` (or `tailUpdates`) of updates; while a peer catches up, up to `heldBytes` more.
 */
export interface SnapshotPolicy {
  /** A snapshot is taken after so many updates since the last one. Default 100,000; Infinity: not by count. */
  readonly everyUpdates: number;
  /** Or after so many bytes of updates. Default 64 MiB. A snapshot writes the whole state: let this be in proportion. */
  readonly everyBytes: number;
  /** So many updates before the snapshot stay in the log, for nodes that were away for a moment. Default 100,000. */
  readonly tailUpdates: number;
  /** As long as they take no more than so many bytes. Default 64 MiB. */
  readonly tailBytes: number;
  /** So many bytes of the log are kept at most for a peer that is being sent a snapshot or the log. Default 256 MiB. */
  readonly heldBytes: number;
  /** The size of the chunks in which snapshots are stored and sent, 16 bytes to 8 MiB. Default 256 KiB. */
  readonly chunkBytes: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

const defaults: SnapshotPolicy = {
  everyUpdates: 100_000,
  everyBytes: 64 * MiB,
  tailUpdates: 100_000,
  tailBytes: 64 * MiB,
  heldBytes: 256 * MiB,
  chunkBytes: 256 * KiB,
};

const least: SnapshotPolicy = {
  everyUpdates: 1,
  everyBytes: 1,
  tailUpdates: 0,
  tailBytes: 0,
  heldBytes: 0,
  chunkBytes: 16,
};

/**
 * The policy with its defaults.
 * @throws ConfigError naming the first value that is not allowed.
 */
export function snapshotPolicy(given: Partial<SnapshotPolicy> = {}): SnapshotPolicy {
  const policy = { ...defaults, ...given };
  for (const name of Object.keys(defaults) as (keyof SnapshotPolicy)[]) {
    const value = policy[name];
    const most = name === "chunkBytes" ? maxChunkBytes : Infinity;
    if (typeof value === "number" && value >= least[name] && value <= most) continue;
    throw new ConfigError(`snapshots.${name} is ${String(value)}; allowed is ${least[name]} to ${most}`);
  }
  return policy;
}
