import { calm, duel, hostile, rough } from "./base-profiles.js";
import { calmDisk, calmNetwork, quickTuning } from "./conditions.js";
import * as scenarios from "./faults/scenarios.js";
import { membershipProfiles, type MembershipProfileName } from "./membership-profiles.js";
import type { Profile } from "./profile.js";
import { storageProfiles, type StorageProfileName } from "./storage-profiles.js";

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
  | "forgotten-sessions"
  | MembershipProfileName
  | StorageProfileName
  | "usurped-leaders";

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
  ...storageProfiles,
  ...membershipProfiles,
  "usurped-leaders": {
    ...duel,
    name: "usurped-leaders",
    nodesAllowed: [3, 9],
    about: "leaders that are replaced behind their backs, and asked for reads all the while",
    faultsMs: [15_000, 16_000],
    // A new leader must be there before the lease of the old one is over.
    network: { ...calmNetwork, lagPerMille: 20, lagUs: [1_000, 50_000], lossPerMille: 5, reorders: true },
    disk: calmDisk,
    clockRate: [950, 1050],
    clients: { ...hostile.clients, clients: [4, 8], thinkMs: [5, 60] },
    everyMs: [300, 2000],
    faults: { usurp: 12, crash: 1, change: 3, "hand-over": 1 },
    script: () => [],
    operatorsPerMille: 0,
    readersPerMille: 1000,
    readers: {
      readers: [5, 9],
      thinkMs: [1, 20],
      leaderPerMille: 700,
      leasesPerMille: 500,
      leastLease: [3, 700],
    },
  },
};

export const profileNames = Object.keys(profiles) as ProfileName[];
