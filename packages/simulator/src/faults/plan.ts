import type { Profile } from "../profile.js";
import type { Random } from "../random.js";
import type { NetworkConditions } from "../world/network.js";
import type { Fault, FaultKind, PartitionShape, PlannedFault, Target, Usurpation } from "./fault.js";

/** At the soonest. Before, the cluster forms. */
const firstFaultUs = 500_000;

/** When operators begin: now and then before all members are on record with each other. */
const firstOperationUs = 600_000;

const usurpations = [
  "late-witnesses",
  "restarted-witnesses",
  "asleep",
  "handing-over",
  "changing",
] as const satisfies readonly Usurpation[];

/** How far what they do lies apart. */
const operateEveryUs = [200_000, 2_500_000] as const;

/** What they do, and how often in relation to each other. */
const operatorFaults: Profile["faults"] = { change: 5, "hand-over": 1 };

/**
 * Everything that will go wrong in a run, in the order of time, drawn before it begins: so that leaving one
 * fault out changes no other.
 */
export function planFaults(profile: Profile, random: Random, nodes: number, untilUs: number): PlannedFault[] {
  const scripted = profile.script?.(random.fork("script"), nodes, untilUs) ?? [];
  const plan = [...scripted, ...planOperators(profile, random.fork("operators"), untilUs)];
  if (Object.keys(profile.faults).length > 0) {
    const [low, high] = profile.everyMs;
    for (let at = firstFaultUs; ; at += random.between(low * 1000, high * 1000)) {
      if (at >= untilUs) break;
      plan.push({ at, fault: drawFault(profile, random) });
    }
  }
  return plan.sort((a, b) => a.at - b.at);
}

/** What operators do, with intervals and numbers of their own: faults are the same with them and without. */
function planOperators(
  { operatorsPerMille = 0, leaderPerMille }: Profile,
  random: Random,
  untilUs: number,
): PlannedFault[] {
  const plan: PlannedFault[] = [];
  if (!random.chance(operatorsPerMille)) return plan;
  const profile = { faults: operatorFaults, partitions: {}, leaderPerMille };
  for (let at = firstOperationUs; at < untilUs; at += random.between(...operateEveryUs))
    plan.push({ at, fault: drawFault(profile, random) });
  return plan;
}

function drawFault(
  profile: Pick<Profile, "faults" | "partitions" | "leaderPerMille">,
  random: Random,
): Fault {
  const target: Target = random.chance(profile.leaderPerMille) ? "leader" : "anybody";
  const ms = (low: number, high: number) => random.between(low * 1000, high * 1000);
  const kind = weighted<FaultKind>(profile.faults, random);
  switch (kind) {
    case "crash": {
      const crash = { kind, target, downUs: random.chance(300) ? ms(1, 50) : ms(50, 3000) };
      return random.chance(500) ? { ...crash, afterEffects: random.between(1, 200) } : crash;
    }
    case "crash-all":
      return { kind, downUs: ms(1, 1500) };
    case "stop":
      return { kind, target, downUs: ms(1, 1000) };
    case "pause":
      return { kind, target, forUs: random.chance(300) ? ms(1000, 4000) : ms(10, 1000) };
    case "hurry":
      return { kind, target, ticks: random.between(10, 150) };
    case "skew":
      return { kind, target, rate: random.pick([200, 500, 1500, 3000, 6000]), forUs: ms(200, 4000) };
    case "partition": {
      const shape = weighted<PartitionShape>(profile.partitions, random);
      return { kind, shape, target, forUs: ms(50, 3000), draw: random.next() };
    }
    case "duel": {
      const [ticks, rounds] = [random.between(10, 120), random.between(1, 5)];
      return { kind, target, forUs: ms(100, 2000), ticks, rounds, draw: random.next() };
    }
    case "usurp":
      return { kind, how: random.pick(usurpations), forUs: ms(600, 2500), draw: random.next() };
    case "storm":
      return { kind, conditions: drawStorm(random), forUs: ms(100, 3000) };
    case "slow-links":
      return { kind, target, conditions: drawSlowness(random), forUs: ms(200, 4000) };
    case "slow-disk":
      return { kind, target, factor: random.pick([5, 20, 100]), forUs: ms(200, 4000) };
    case "hung-disk":
      return { kind, target, forUs: random.chance(200) ? Infinity : ms(100, 4000) };
    case "lost-disk":
    case "snapshot":
      return { kind, target };
    case "change":
    case "hand-over":
      return { kind, target: random.chance(900) ? "leader" : "anybody", draw: random.next() };
    case "older-disk":
      return { kind, target, ageUs: ms(10, 5000) };
    case "failing-disk": {
      const others = ["read", "chunk", "header", "compaction"] as const;
      const task = random.chance(500) ? "save" : random.pick(others);
      return { kind, target, task, forUs: ms(100, 3000) };
    }
    case "flipped-bit":
      return { kind, target, draw: random.next(), restartUs: ms(100, 5000) };
  }
}

function drawStorm(random: Random): Partial<NetworkConditions> {
  switch (random.between(0, 3)) {
    case 0:
      return { lossPerMille: random.between(100, 600) };
    case 1:
      return { doublePerMille: random.between(100, 500), reorders: true };
    case 2:
      return { lagPerMille: 500, lagUs: [10_000, 1_000_000], reorders: random.chance(500) };
    default:
      return { delayUs: [100_000, 600_000] };
  }
}

function drawSlowness(random: Random): Partial<NetworkConditions> {
  return random.chance(500) ? { bandwidth: random.between(2, 50) } : { delayUs: [50_000, 800_000] };
}

function weighted<T extends string>(weights: Partial<Readonly<Record<T, number>>>, random: Random): T {
  const entries = Object.entries(weights) as [T, number][];
  let at = random.between(
    1,
    entries.reduce((sum, [, weight]) => sum + weight, 0),
  );
  for (const [name, weight] of entries) {
    at -= weight;
    if (at <= 0) return name;
  }
  throw new Error("no weights");
}
