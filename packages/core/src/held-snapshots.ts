import type { Snapshot } from "@paxos/proto";
import type { SnapshotId } from "./ports.js";

/** A snapshot that storage holds. */
export interface Held {
  readonly snapshot: Snapshot;
  /** The tick at which a peer last asked for it; that of the start for those found then. */
  asked: number;
}

/** Whether these are one snapshot. */
export function sameSnapshot(a: SnapshotId, b: SnapshotId): boolean {
  return a.seq === b.seq && a.origin === b.origin;
}

/**
 * Those that are to stay: the latest, and those that a peer has asked for since `since`, `most` of them, those asked for
 * last.
 */
export function stillNeeded(held: readonly Held[], since: number, most: number): Held[] {
  const asked = held.slice(0, -1).filter((one) => one.asked >= since);
  const kept = new Set(asked.sort((a, b) => b.asked - a.asked).slice(0, most));
  return held.filter((one, i) => i === held.length - 1 || kept.has(one));
}
