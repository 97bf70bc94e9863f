import { Counters, LimitedLog } from "../src/index.js";

/** Counts faults, and keeps what is said about them. */
export class FaultRecorder {
  readonly counters = new Counters();
  readonly warnings: string[] = [];
  readonly log = new LimitedLog({
    verbose: false,
    debug: () => undefined,
    info: () => undefined,
    warn: (line) => void this.warnings.push(line),
    error: () => undefined,
  });

  count(name: string): number {
    return this.counters.snapshot()[name] ?? NaN;
  }
}
