// What profiles have in common: networks, disks, clients and settings.
import type { ReplicaOptions, SnapshotPolicy } from "@paxos/replica";
import { callBytes } from "./clients/call.js";
import type { ClientConditions } from "./clients/courier.js";
import type { Random } from "./random.js";
import type { DiskConditions } from "./world/disk.js";
import type { NetworkConditions } from "./world/network.js";

/** A local network. What all are like once faults have ended. */
export const calmNetwork: NetworkConditions = {
  delayUs: [50, 600],
  lagPerMille: 0,
  lagUs: [0, 0],
  lossPerMille: 0,
  doublePerMille: 0,
  reorders: false,
  bandwidth: 100_000,
};

/** What disks are like once faults have ended. */
export const calmDisk: DiskConditions = { writeUs: [150, 800], slowPerMille: 10, slowUs: [1000, 10_000] };

/** Clients that make enough calls for a run to be worth it. */
export const usualClients: ClientConditions = {
  clients: [6, 12],
  thinkMs: [50, 400],
  timeoutMs: [300, 2500],
  givesUpPerMille: 150,
  libraryPerMille: 400,
};

/** What users have, now and then with small bounds, so that bounds are reached. */
export function usualTuning(random: Random): NonNullable<ReplicaOptions["tuning"]> {
  if (random.chance(500)) return {};
  return { runUpdates: random.between(1, 8), windowUpdates: random.between(8, 64), catchUpBytes: 512 };
}

/** Quick timers and small bounds: more happens in the same time. */
export function quickTuning(random: Random, maxUpdateBytes?: number): NonNullable<ReplicaOptions["tuning"]> {
  const heartbeatTicks = random.between(2, 10);
  const runUpdates = random.between(1, 4);
  return {
    heartbeatTicks,
    progressTicks: heartbeatTicks * random.between(4, 7),
    runUpdates,
    windowUpdates: random.between(runUpdates, 16),
    catchUpBytes: random.between(64, 512),
    runBytes: random.between(32, 512),
    ...(maxUpdateBytes !== undefined && random.chance(500) ? tightBounds(random, maxUpdateBytes) : {}),
  };
}

/** Room for few updates. */
function tightBounds(random: Random, maxUpdateBytes: number) {
  const updateBytes = maxUpdateBytes + callBytes;
  return { updateBytes, windowBytes: random.between(updateBytes, 8 * updateBytes) };
}

/** Snapshots all the time, small chunks, short tails. */
export function frequentSnapshots(random: Random): Partial<SnapshotPolicy> {
  return {
    everyUpdates: random.chance(500) ? random.between(5, 40) : random.between(40, 200),
    tailUpdates: random.chance(400) ? 0 : random.between(1, 50),
    // By bytes: never, or as often.
    ...(random.chance(300) && { everyBytes: random.between(500, 5000) }),
    ...(random.chance(300) && { tailBytes: random.between(0, 2000) }),
    // Enough for what is ordered while a snapshot is sent: else who needs one never gets level.
    heldBytes: random.between(30_000, 100_000),
    chunkBytes: random.chance(500) ? random.between(16, 64) : random.between(64, 300),
  };
}

/** The same, in this share of the runs, in 1,000; in the others none at all. */
export function snapshotsIn(perMille: number): (random: Random) => Partial<SnapshotPolicy> {
  return (random) => (random.chance(perMille) ? frequentSnapshots(random) : {});
}
