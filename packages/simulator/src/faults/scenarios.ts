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

/** Each new leader is interrupted in the midst of its work: whoever has promised or accepted for it is left with that. */
export function planInterruptions(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  const step = (lowMs: number, highMs: number) => random.between(lowMs * 1000, highMs * 1000);
  for (let at = second; at < untilUs;) {
    const shape: PartitionShape = random.pick(["isolated", "isolated", "mute", "deaf", "holes"]);
    const target: Target = random.chance(600) ? "leader" : "anybody";
    plan.push({ at, fault: { kind: "partition", shape, target, forUs: step(20, 800), draw: random.next() } });
    for (let i = random.between(1, 3); i > 0; i--) {
      plan.push({
        at: (at += step(0, 30)),
        fault: { kind: "hurry", target: "follower", ticks: random.between(20, 150) },
      });
    }
    at += step(1, 60);
    const next: Target = random.chance(600) ? "leader" : "anybody";
    const afterEffects = random.between(1, 60);
    if (random.chance(500))
      plan.push({ at, fault: { kind: "crash", target: next, downUs: step(1, 800), afterEffects } });
    at += step(20, 700);
  }
  return plan;
}

/** An isolated node gets what was sent to it long ago, and its timers expire. */
export function planStaleViewChanges(random: Random, nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = second; at < untilUs; at += random.between(second, 3 * second)) {
    const target = random.between(0, nodes - 1);
    const lag = { lagPerMille: 600, lagUs: [50_000, 2_000_000] as const, reorders: true };
    plan.push({ at, fault: { kind: "storm", conditions: lag, forUs: 700_000 } });
    // An election, whose messages will be late.
    plan.push({
      at: at + 50_000,
      fault: { kind: "duel", target: "leader", forUs: 300_000, ticks: 100, rounds: 3, draw: random.next() },
    });
    const isolation = { kind: "partition", shape: "isolated", target, forUs: second, draw: 0 } as const;
    plan.push({ at: at + random.between(100_000, 500_000), fault: isolation });
    plan.push({ at: at + 600_000, fault: { kind: "hurry", target, ticks: random.between(20, 200) } });
  }
  return plan;
}

/**
 * The leader dies and stays dead for long, after some have ceased to hear it before others: they have it on hearsay
 * that it lives, and must not keep each other in that belief.
 */
export function planDeadLeaders(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = 2 * second; at < untilUs - 4 * second; at += random.between(4.5 * second, 6 * second)) {
    const forUs = random.between(0.3 * second, 2 * second);
    const draw = random.next();
    const unheard = { kind: "partition", shape: "unheard-by-one", target: "leader", forUs, draw } as const;
    const dies = {
      kind: "crash",
      target: "leader",
      downUs: random.between(3 * second, 3.5 * second),
    } as const;
    plan.push({ at, fault: unheard });
    plan.push({ at: at + forUs, fault: dies, expects: { kind: "recovers", timeouts: 4 } });
  }
  return plan;
}

/** A progress timeout is longer: nobody has a reason to replace the leader. */
export function planBriefCuts(random: Random, _nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = 3 * second; at < untilUs - 2 * second; at += random.between(2 * second, 2.3 * second)) {
    const shape: PartitionShape = random.pick(["mute", "deaf", "one-way-link"]);
    const fault = {
      kind: "partition",
      shape,
      target: "follower",
      forUs: second / 2,
      draw: random.next(),
    } as const;
    plan.push({ at, fault, expects: { kind: "keeps-leader" } });
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

function planPartitions(
  random: Random,
  shape: PartitionShape,
  target: Target,
  untilUs: number,
): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = 2 * second; at < untilUs - 3 * second; at += random.between(3 * second, 3.5 * second)) {
    const forUs = random.between(2.5 * second, 2.9 * second);
    const fault = { kind: "partition", shape, target, forUs, draw: random.next() } as const;
    plan.push({ at, fault, expects: { kind: "recovers", timeouts: 4 } });
  }
  return plan;
}
