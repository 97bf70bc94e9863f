// Nodes that were away for so long that they need a snapshot.
import type { Random } from "../random.js";
import type { PlannedFault, Target } from "./fault.js";

const second = 1_000_000;

/** One node after the other is away; while it is sent a snapshot, it or the sender is interrupted. */
export function planAbsences(random: Random, nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let at = second; at < untilUs - 3 * second;) {
    const target = random.between(0, nodes - 1);
    const downUs = random.between(1.5 * second, 5 * second);
    plan.push({ at, fault: { kind: "crash", target, downUs } });
    at += downUs;
    // It takes one of its own while it is sent one; later there is nothing new to be in another.
    const own = { kind: "snapshot", target } as const;
    plan.push({ at: at + random.between(50_000, 800_000), fault: own });
    for (let i = random.between(3, 12); i > 0; i--) {
      at += random.between(2_000, 100_000);
      plan.push({ at, fault: drawInterruption(random) });
    }
    at += random.between(0.5 * second, 2 * second);
  }
  return plan;
}

function drawInterruption(random: Random): PlannedFault["fault"] {
  const target: Target = random.chance(600) ? "receiver" : "sender";
  const [shortUs, draw] = [random.between(1_000, 800_000), random.next()];
  switch (random.between(0, 5)) {
    case 0:
    case 1:
      return { kind: "crash", target, downUs: shortUs, afterEffects: random.between(1, 40) };
    case 2:
      return { kind: "snapshot", target: "sender" };
    case 3:
      return { kind: "partition", shape: "isolated", target, forUs: shortUs, draw };
    case 4:
      return { kind: "hurry", target, ticks: random.between(10, 150) };
    default:
      return { kind: "partition", shape: "one-way-link", target, forUs: shortUs, draw };
  }
}

/** A node is away until a snapshot is all that helps, and nothing else fails. No node is away again before it must be level. */
export function planUnendingSnapshots(random: Random, nodes: number, untilUs: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  let target = random.between(0, nodes - 1);
  for (let at = random.between(1.6 * second, 2.4 * second); at < untilUs - 4 * second; at += 2.7 * second) {
    plan.push({
      at,
      fault: { kind: "crash", target, downUs: 0.8 * second },
      expects: { kind: "catches-up", timeouts: 12 },
    });
    target = (target + 1) % nodes;
  }
  return plan;
}
