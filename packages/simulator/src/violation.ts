import type { RunSummary } from "./summary.js";

/** What a simulation has found: something that must never happen. */
export class Violation extends Error {
  override readonly name = "Violation";

  /** @internal */
  constructor(
    /** Which checker found it, for instance `one-order`. */
    readonly checker: string,
    /** What it found, without the seed. */
    readonly finding: string,
    /** What the run had done until then. */
    readonly summary: RunSummary,
    options?: ErrorOptions,
    /** What does the run again, for people. */
    readonly again = `simulate({ seed: ${summary.seed}, profile: "${summary.profile}", nodes: ${summary.nodes} })`,
  ) {
    const { seed, profile, virtualMs, nodes } = summary;
    super(
      `[${checker}] ${finding}\n  after ${virtualMs} virtual ms of seed ${seed} of profile ${profile}, with ${nodes} nodes\n  again: ${again}`,
      options,
    );
  }
}
