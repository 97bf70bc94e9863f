// Profiles about snapshots, and about disks that fail.
import { calm, hostile, rough } from "./base-profiles.js";
import { frequentSnapshots, quickTuning, usualTuning } from "./conditions.js";
import { planAbsences, planUnendingSnapshots } from "./faults/snapshot-scenarios.js";
import type { Profile } from "./profile.js";

export type StorageProfileName =
  | "snapshots"
  | "far-behind"
  | "unending-snapshots"
  | "disk-trouble"
  | "older-disk";

export const storageProfiles: Readonly<Record<StorageProfileName, Profile>> = {
  snapshots: {
    ...hostile,
    name: "snapshots",
    about: "snapshots all the time, by policy and on demand, in the midst of everything else",
    faults: { ...hostile.faults, snapshot: 12 },
    snapshots: frequentSnapshots,
  },
  "far-behind": {
    ...rough,
    name: "far-behind",
    nodesAllowed: [3, 9],
    about: "nodes that were away need snapshots, whose transfer is interrupted on either side",
    nodes: [3, 3, 5, 4],
    tuning: (random, maxUpdateBytes) =>
      random.chance(500) ? usualTuning(random) : quickTuning(random, maxUpdateBytes),
    clients: { ...rough.clients, clients: [6, 10], thinkMs: [20, 250] },
    everyMs: [300, 1500],
    faults: { crash: 2, partition: 2, storm: 2, snapshot: 4, "slow-links": 2, pause: 1 },
    snapshots: (random) => ({
      ...frequentSnapshots(random),
      everyUpdates: random.chance(700) ? random.between(5, 60) : random.between(60, 200),
      tailUpdates: random.between(0, 10),
      chunkBytes: random.between(48, 300),
    }),
    partitions: { isolated: 2, halves: 2, holes: 3, "one-way-link": 2, star: 4, chain: 2 },
    leaderPerMille: 600,
    script: planAbsences,
  },
  "unending-snapshots": {
    ...calm,
    name: "unending-snapshots",
    nodesAllowed: [3, 9],
    about: "a node fetches a snapshot while all others take new ones all the time: it gets it all the same",
    nodes: [3],
    clients: { ...calm.clients, clients: [6, 8], thinkMs: [120, 300], libraryPerMille: 1000 },
    network: { ...calm.network, delayUs: [500, 3000] },
    tuning: usualTuning,
    snapshots: (random) => ({
      everyUpdates: random.between(5, 12),
      tailUpdates: 0,
      chunkBytes: random.between(32, 96),
    }),
    script: planUnendingSnapshots,
  },
  "disk-trouble": {
    ...rough,
    name: "disk-trouble",
    nodesAllowed: [3, 9],
    about: "disks that fail, hang or hold damaged records: whoever cannot save promises nothing",
    nodes: [3, 5, 3, 4],
    faults: {
      "failing-disk": 12,
      "flipped-bit": 1,
      "slow-disk": 2,
      "hung-disk": 2,
      crash: 3,
      partition: 3,
      storm: 1,
      snapshot: 2,
    },
    everyMs: [200, 1500],
    leaderPerMille: 500,
    snapshots: frequentSnapshots,
    saveTimeoutMs: 2500,
    staysPerMille: 400,
  },
  "older-disk": {
    ...rough,
    name: "older-disk",
    nodesAllowed: [3, 9],
    about: "a node comes back with an older copy of its disk: it must not vote",
    nodes: [3, 5],
    script: (random) => [
      {
        at: random.between(5_000_000, 18_000_000),
        fault: {
          kind: "older-disk",
          target: random.pick(["leader", "anybody"]),
          ageUs: random.chance(500) ? random.between(1_000, 300_000) : random.between(300_000, 5_000_000),
        },
      },
    ],
  },
};
