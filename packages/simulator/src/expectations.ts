import type { PlannedFault } from "./faults/fault.js";
import type { World } from "./world/world.js";

/** What must go on while a fault lasts. */
export class Expectations {
  #lastProgress = 0;

  constructor(
    private readonly parts: {
      readonly world: World;
      readonly tickUs: number;
      readonly progressTicks: number;
      /** How many views somebody has led so far. */
      readonly views: () => number;
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
  }

  #mustRecover(timeouts: number, since: string): void {
    const { world, tickUs, progressTicks } = this.parts;
    const limit = timeouts * progressTicks;
    world.after(limit * tickUs, () => {
      // Clients send often enough that in a live cluster something is ordered within a timeout.
      const idle = Math.floor((world.now - this.#lastProgress) / tickUs);
      if (idle <= progressTicks) return;
      world.violate("liveness", `nothing is ordered ${limit} ticks ${since}, and was not for ${idle} ticks`);
    });
  }

  #mustKeepLeader(forUs: number, since: string): void {
    const { world, tickUs, progressTicks, views } = this.parts;
    const before = views();
    world.after(forUs + progressTicks * tickUs, () => {
      if (views() !== before) world.violate("stability", `somebody else has come to lead ${since}`);
    });
  }
}
