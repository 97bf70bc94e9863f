import { calmDisk, calmNetwork, quickTuning, usualClients, usualTuning } from "./conditions.js";
import * as scenarios from "./faults/scenarios.js";
import type { Profile } from "./profile.js";

export type ProfileName =
  | "calm"
  | "rough"
  | "hostile"
  | "duel"
  | "crashes"
  | "slow-disks"
  | "stalls"
  | "long-absence"
  | "lost-disk"
  | "deaf-node"
  | "mute-node"
  | "stuck-node"
  | "hung-leader-disk"
  | "interrupted-elections"
  | "stale-view-changes"
  | "dead-leader"
  | "isolated-leaders"
  | "brief-cuts"
  | "quorum-loss"
  | "constrained-election"
  | "chained-nodes"
  | "forgotten-sessions";

const calm: Profile = {
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
};

const rough: Profile = {
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
};

const hostile: Profile = {
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

const duel: Profile = {
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
  script: scenarios.planDuels,
};

const forgottenSessions: Profile = {
  ...hostile,
  name: "forgotten-sessions",
  about: "the cluster remembers two clients, and has more: sessions are forgotten all the time",
  clients: { ...hostile.clients, clients: [7, 12], libraryPerMille: 1000 },
  sessionClients: 2,
};

/** All profiles, by name. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  calm,
  rough,
  hostile,
  duel,
  crashes: {
    ...rough,
    name: "crashes",
    about:
      "restarts, one after the other and all at once, in the midst of work: what rests on what is not durable yet?",
    disk: hostile.disk,
    tuning: quickTuning,
    everyMs: [100, 700],
    faults: { crash: 10, "crash-all": 3, stop: 2 },
  },
  "slow-disks": {
    ...rough,
    name: "slow-disks",
    about: "disks slower than the progress timeout: nobody can lead for long",
    disk: { writeUs: [1000, 50_000], slowPerMille: 200, slowUs: [100_000, 900_000] },
    everyMs: [500, 2000],
    faults: { "slow-disk": 5, "hung-disk": 5, crash: 3 },
  },
  stalls: {
    ...rough,
    name: "stalls",
    about: "event loops that stall and then see everything at once; clocks that run ahead",
    clockRate: [700, 1400],
    everyMs: [200, 1200],
    faults: { pause: 8, skew: 4, hurry: 3, crash: 1 },
  },
  "long-absence": {
    ...rough,
    name: "long-absence",
    about: "nodes that are away for long and come back far behind",
    everyMs: [1500, 3000],
    faults: { crash: 2, partition: 3 },
    partitions: { isolated: 3, deaf: 1 },
    script: (random, nodes, untilUs) =>
      Array.from({ length: nodes > 2 ? 2 : 1 }, (_, i) => ({
        at: random.between(1_000_000, 3_000_000) + i * Math.floor(untilUs / 2),
        fault: { kind: "crash", target: "anybody", downUs: Math.floor(untilUs / 3) },
      })),
  },
  "lost-disk": {
    ...rough,
    name: "lost-disk",
    nodesAllowed: [3, 9],
    about: "a node comes back with an empty disk: it must not vote",
    nodes: [3, 5],
    script: (random) => [
      {
        at: random.between(8_000_000, 20_000_000),
        fault: { kind: "lost-disk", target: random.pick(["leader", "anybody"]) },
      },
    ],
  },
  "deaf-node": {
    ...rough,
    name: "deaf-node",
    nodesAllowed: [3, 9],
    about: "one node never hears anybody",
    nodes: [3, 5],
    illness: "deaf",
  },
  "mute-node": {
    ...rough,
    name: "mute-node",
    nodesAllowed: [3, 9],
    about: "one node is never heard",
    nodes: [3, 5],
    illness: "mute",
  },
  "stuck-node": {
    ...rough,
    name: "stuck-node",
    nodesAllowed: [3, 9],
    about: "one node's disk never finishes a write",
    nodes: [3, 5],
    illness: "stuck",
  },
  "hung-leader-disk": {
    ...rough,
    name: "hung-leader-disk",
    nodesAllowed: [3, 9],
    about: "the leader's disk hangs, its heartbeats do not",
    nodes: [3, 5],
    faults: { partition: 1 },
    everyMs: [2000, 5000],
    script: scenarios.planHungLeaderDisk,
  },
  "interrupted-elections": {
    ...duel,
    name: "interrupted-elections",
    about:
      "each new leader is interrupted in the midst of its work, and promises above the leader are left behind",
    faults: { crash: 1, "crash-all": 1, pause: 1 },
    script: scenarios.planInterruptions,
  },
  "stale-view-changes": {
    ...rough,
    name: "stale-view-changes",
    nodesAllowed: [3, 9],
    about: "an isolated node gets what was said in elections long ago",
    nodes: [3, 5],
    faults: {},
    script: scenarios.planStaleViewChanges,
  },
  "dead-leader": {
    ...rough,
    name: "dead-leader",
    nodesAllowed: [3, 9],
    about: "the leader dies and stays dead: its followers must not end each other's attempts",
    nodes: [5, 3, 7],
    faultsMs: [45_000, 46_000],
    network: calmNetwork,
    disk: calmDisk,
    faults: {},
    script: scenarios.planDeadLeaders,
  },
  "isolated-leaders": {
    ...rough,
    name: "isolated-leaders",
    nodesAllowed: [3, 9],
    about: "leaders are cut off, again and again, and nobody restarts: timeouts must not stay long",
    nodes: [3],
    tuning: () => ({}),
    everyMs: [700, 1300],
    faults: { partition: 1 },
    partitions: { isolated: 1 },
    leaderPerMille: 1000,
  },
  "brief-cuts": {
    ...calm,
    name: "brief-cuts",
    about: "a follower does not hear the others, or is not heard, for half a second: the leader stays",
    nodes: [3, 5],
    nodesAllowed: [3, 9],
    script: scenarios.planBriefCuts,
  },
  "quorum-loss": {
    ...rough,
    name: "quorum-loss",
    nodesAllowed: [3, 9],
    about: "one node hears all others, who hear nobody else: only it can lead (OmniPaxos, section 2)",
    nodes: [5, 3, 7],
    network: calmNetwork,
    disk: calmDisk,
    faults: {},
    faultsMs: [45_000, 46_000],
    script: scenarios.planQuorumLoss,
  },
  "constrained-election": {
    ...rough,
    name: "constrained-election",
    nodesAllowed: [3, 9],
    about: "the leader is cut off and only one node, perhaps behind, hears a quorum (OmniPaxos, section 2)",
    nodes: [5, 3, 7],
    network: calmNetwork,
    disk: calmDisk,
    faults: {},
    faultsMs: [45_000, 46_000],
    script: scenarios.planConstrainedElection,
  },
  "chained-nodes": {
    ...rough,
    name: "chained-nodes",
    nodesAllowed: [3, 5],
    about: "everybody hears its neighbours only (OmniPaxos, section 2)",
    nodes: [3, 3, 5],
    network: calmNetwork,
    disk: calmDisk,
    faults: {},
    faultsMs: [45_000, 46_000],
    script: scenarios.planChainedNodes,
  },
  "forgotten-sessions": forgottenSessions,
};

export const profileNames = Object.keys(profiles) as ProfileName[];
