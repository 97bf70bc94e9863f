import type { Application, Checker, Report } from "./checker.js";

/**
 * A linearizable read misses nothing that was answered to anybody before it was asked for. Whoever has applied an update may have
 * answered it, so the answer must be as of a seq at least as great as any that had been applied by then.
 */
export class Reads implements Checker {
  /** The greatest seq that any node has ever applied. */
  appliedUpTo = 0;

  constructor(private readonly report: Report) {}

  applied({ seq }: Pick<Application, "seq">): void {
    this.appliedUpTo = Math.max(this.appliedUpTo, seq);
  }

  restored(_nodeId: number, seq: number): void {
    this.appliedUpTo = Math.max(this.appliedUpTo, seq);
  }

  /** A read that was asked for at `start`, when seq `least` had been applied somewhere, was answered as of `seq`. */
  served(read: {
    readonly nodeId: number;
    readonly seq: number;
    readonly least: number;
    readonly start: number;
  }): void {
    const { nodeId, seq, least, start } = read;
    if (seq >= least) return;
    this.report(
      `node ${nodeId} answers a read that was asked for after ${Math.floor(start / 1000)} ms as of seq ${seq}; seq ${least} had been applied before`,
    );
  }
}
