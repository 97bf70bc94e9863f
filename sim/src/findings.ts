// Failures, one of each sort.
import { type Failure, type Run, checkerOf } from "./run.js";

/** A sort of failure: those of one checker and profile. */
export interface Finding {
  /** The first of them. */
  readonly run: Run;
  readonly failure: Failure;
  /** How many runs failed so. */
  runs: number;
}

/** Counts a failure. The first of its sort is kept. */
export function addFinding(findings: Finding[], run: Run, failure: Failure): void {
  const known = findings.find(
    (finding) => finding.run.profile === run.profile && checkerOf(finding.failure) === checkerOf(failure),
  );
  if (known === undefined) findings.push({ run, failure, runs: 1 });
  else known.runs += 1;
}
