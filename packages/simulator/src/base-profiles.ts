// The profiles that others are made from.
import { calmDisk, calmNetwork, quickTuning, snapshotsIn, usualClients, usualTuning } from "./conditions.js";
import { planDuels } from "./faults/scenarios.js";
import type { Profile } from "./profile.js";

export const calm: Profile = {
  name: "calm",
  about: "nothing fails",
  nodes: [3, 5, 1, 2],
  faultsMs: [30_000, 32_000],
  network: calmNetwork,
  disk: calmDisk,
  clients: { ...usualClients, timeoutMs: [2000, 4000] },
  clockRate: [990, 1010],
  tuning: usualTuning,
  everyMs: [1000, 1000],
  faults: {},
  partitions: {},
  leaderPerMille: 0,
  operatorsPerMille: 500,
  readersPerMille: 500,
};

export const rough: Profile = {
  ...calm,
  name: "rough",
  about: "a bad day: crashes, partitions, stalls, some loss",
  nodes: [3, 5, 3, 4, 2],
  network: {
    ...calmNetwork,
    lagPerMille: 20,
    lagUs: [1000, 50_000],
    lossPerMille: 10,
    doublePerMille: 5,
    reorders: true,
  },
  disk: { writeUs: [150, 3000], slowPerMille: 30, slowUs: [3000, 100_000] },
  clients: usualClients,
  clockRate: [950, 1050],
  everyMs: [300, 2000],
  faults: {
    crash: 6,
    "crash-all": 1,
    stop: 2,
    pause: 3,
    skew: 1,
    partition: 6,
    storm: 2,
    "slow-links": 1,
    "slow-disk": 2,
    "hung-disk": 1,
  },
  partitions: { isolated: 4, halves: 3, holes: 3, mute: 1, deaf: 1, "one-way-link": 2, star: 1, chain: 1 },
  leaderPerMille: 400,
  snapshots: snapshotsIn(600),
};

export const hostile: Profile = {
  ...rough,
  name: "hostile",
  about:
    "everything at once: heavy loss, late and doubled messages, crashes in the midst of work, wild clocks",
  nodes: [3, 3, 5, 4, 2, 7],
  network: {
    delayUs: [50, 20_000],
    lagPerMille: 100,
    lagUs: [20_000, 1_500_000],
    lossPerMille: 60,
    doublePerMille: 60,
    reorders: true,
    bandwidth: 2_000,
  },
  disk: { writeUs: [150, 20_000], slowPerMille: 80, slowUs: [10_000, 400_000] },
  clients: { ...usualClients, clients: [8, 16], thinkMs: [5, 200], timeoutMs: [100, 2000] },
  clockRate: [800, 1250],
  tuning: quickTuning,
  everyMs: [100, 800],
  faults: { ...rough.faults, crash: 10, hurry: 4, duel: 2 },
};

export const duel: Profile = {
  ...hostile,
  name: "duel",
  nodesAllowed: [3, 9],
  about: "majorities without the leader, and elections forced on them",
  nodes: [3, 3, 5],
  network: {
    ...hostile.network,
    lossPerMille: 10,
    lagPerMille: 50,
    lagUs: [5_000, 400_000],
    doublePerMille: 20,
  },
  disk: { writeUs: [150, 10_000], slowPerMille: 50, slowUs: [10_000, 200_000] },
  everyMs: [400, 1500],
  faults: { crash: 3, partition: 1 },
  script: planDuels,
};
