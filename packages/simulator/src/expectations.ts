import type { BoundValues } from "./checkers/bound-values.js";
import type { Compaction } from "./checkers/compaction.js";
import type { PlannedFault } from "./faults/fault.js";
import type { Operators } from "./faults/operators.js";
import type { Host } from "./world/host.js";
import type { World } from "./world/world.js";

/** So many snapshots of peers may be needed until a node is level: who sends the first one may be away next. */
const mostInstalls = 2;

/**
 * What must go on while a fault lasts: of the membership that has founded the cluster. Once operators have come, another node
 * may be meant to lead, and quorums may not be what a scenario leaves together.
 */
export class Expectations {
  #lastProgress = 0;

  constructor(
    private readonly parts: {
      readonly world: World;
      readonly tickUs: number;
      readonly progressTicks: number;
      readonly bound: BoundValues;
      readonly compaction: Compaction;
      readonly hosts: readonly Host[];
      readonly operators: Operators;
    },
  ) {}

  /** An update has been ordered. */
  progressed(): void {
    this.#lastProgress = this.parts.world.now;
  }

  /** A fault has come: sees to it that what it must not prevent goes on. */
  watch({ at, expects, fault }: PlannedFault): void {
    const since = `since the ${fault.kind} after ${Math.floor(at / 1000)} ms`;
    if (expects?.kind === "recovers") this.#mustRecover(expects.timeouts, since);
    else if (expects?.kind === "keeps-leader" && "forUs" in fault) this.#mustKeepLeader(fault.forUs, since);
    else if (expects?.kind === "catches-up" && fault.kind === "crash" && typeof fault.target === "number")
      this.#mustCatchUp(fault.target, fault.downUs, expects.timeouts);
  }

  #mustRecover(timeouts: number, since: string): void {
    const { world, tickUs, progressTicks } = this.parts;
    const limit = timeouts * progressTicks;
    world.after(limit * tickUs, () => {
      // Clients send often enough that in a live cluster something is ordered within a timeout.
      const idle = Math.floor((world.now - this.#lastProgress) / tickUs);
      if (idle <= progressTicks) return;
      this.#violate("liveness", `nothing is ordered ${limit} ticks ${since}, and was not for ${idle} ticks`);
    });
  }

  #mustCatchUp(nodeId: number, downUs: number, timeouts: number): void {
    const { world, tickUs, progressTicks, bound, hosts, compaction } = this.parts;
    const limit = timeouts * progressTicks;
    const before = compaction.installsOf(nodeId);
    // What follows a snapshot is kept for who is sent it: another one is needed once in a while, not for ever.
    world.after(downUs + limit * tickUs, () => {
      const count = compaction.installsOf(nodeId) - before;
      if (count > mostInstalls)
        this.#violate("liveness", `node ${nodeId} has needed ${count} snapshots in ${limit} ticks`);
    });
    // To come close to what was ordered when it came back is not enough: it must keep up from then on.
    world.after(downUs + (limit - 2 * progressTicks) * tickUs, () => {
      const wanted = bound.chosenUpTo;
      world.after(2 * progressTicks * tickUs, () => {
        const applied = hosts[nodeId % hosts.length]?.process?.status()?.appliedSeq ?? 0n;
        if (applied >= wanted) return;
        this.#violate(
          "liveness",
          `node ${nodeId} has come to seq ${applied} ${limit} ticks after its restart; seq ${wanted} was ordered ${2 * progressTicks} ticks before`,
        );
      });
    });
  }

  #mustKeepLeader(forUs: number, since: string): void {
    const { world, tickUs, progressTicks, bound } = this.parts;
    const before = bound.views;
    world.after(forUs + progressTicks * tickUs, () => {
      if (bound.views !== before) this.#violate("stability", `somebody else has come to lead ${since}`);
    });
  }

  #violate(checker: string, finding: string): void {
    if (!this.parts.operators.haveActed) this.parts.world.violate(checker, finding);
  }
}
