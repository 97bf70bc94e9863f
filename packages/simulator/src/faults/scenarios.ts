// Faults that do not come by chance alone: the scenarios that other systems learned the hard way.
import type { Random } from "../random.js";
import type { PartitionShape, PlannedFault, Target } from "./fault.js";

const second = 1_000_000;

/** A majority loses its leader, and elects another at once; again and again, at times before it is done. */
export function planDuels(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = second; at < untilUs; at += random.between(200_000, 2 * second)) {
    const target: Target = random.chance(700) ? "leader" : "anybody";
    plan.push({
      at,
      fault: {
        kind: "duel",
        target,
        forUs: random.between(100_000, 2 * second),
        ticks: random.between(10, 120),
        rounds: random.between(1, 5),
        draw: random.next(),
      },
    });
  }
  return plan;
}

export function planHungLeaderDisk(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = 2 * second; at < untilUs; at += random.between(2 * second, 4 * second)) {
    const forUs = random.chance(300) ? Infinity : random.between(second, 3 * second);
    plan.push({ at, fault: { kind: "hung-disk", target: "leader", forUs } });
  }
  return plan;
}

/** The leader survives, but hears one node only, as everybody does. That one must take over. */
export function planQuorumLoss(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  return planPartitions(random, "star", "follower", untilUs);
}

/** The leader is gone, and of the others one only hears a quorum. */
export function planConstrainedElection(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  return planPartitions(random, "star-without-leader", "follower", untilUs);
}

/**
 * In a chain the leader may stand at an end, and who does not hear it tries to replace it. With three nodes the
 * middle one hears a quorum whoever leads.
 */
export function planChainedNodes(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  return planPartitions(random, "chain", "leader", untilUs);
}

function planPartitions(random: Random, shape: PartitionShape, target: Target, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = 2 * second; at < untilUs - 3 * second; at += random.between(6, 8) * (second >> 1)) {
    const forUs = random.between(5, 6) * (second >> 1);
    const fault = { kind: "partition", shape, target, forUs, draw: random.next() } as const;
    plan.push({ at, fault, expects: { kind: "recovers", timeouts: 4 } });
  }
  return plan;
}
