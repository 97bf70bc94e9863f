// The line that shows that it goes on.
import type { Effort } from "./effort.js";
import type { Pace } from "./meter.js";
import { compact, count, duration, grouped, megabytes, rate } from "./quantities.js";

/** What the line tells. */
export interface Progress {
  /** Runs that have ended, earlier sittings' too. */
  readonly runs: number;
  /** How many there are to be; may be Infinity. */
  readonly of: number;
  readonly failures: number;
  readonly effort: Effort;
  readonly pace: Pace;
  readonly jobs: number;
  readonly elapsedMs: number;
  /** Resident memory, in bytes. */
  readonly memory: number;
}

/** For a terminal: as much as fits into so many columns, what matters most first. */
export function progressLine(progress: Progress, columns: number): string {
  const { runs, of, failures, effort, pace, jobs, memory } = progress;
  const goal = Number.isFinite(of) ? `/${grouped(of)}` : "";
  const perJob = jobs === 1 ? "" : ` (${compact(pace.stepsPerJob)}/job)`;
  const parts = [
    ...(failures > 0 ? [`${grouped(failures)} FAILED`] : []),
    `${grouped(runs)}${goal} seeds ${rate(pace.runs)}/s`,
    `${compact(pace.steps)} steps/s${perJob}`,
    `${rate(pace.virtualSeconds)}x time`,
    `${compact(effort.faults)} faults`,
    megabytes(memory),
  ];
  // A line that fills the last column wraps on some terminals.
  while (parts.length > 1 && parts.join("  ").length >= columns) parts.pop();
  return parts.join("  ").slice(0, Math.max(0, columns - 1));
}

/** For a log. */
export function progressReport(progress: Progress): string {
  const { runs, of, failures, effort, pace, elapsedMs, memory } = progress;
  return [
    duration(elapsedMs),
    `${grouped(runs)}${Number.isFinite(of) ? ` of ${grouped(of)}` : ""} seeds, ${rate(pace.runs)}/s`,
    `${grouped(pace.steps)} core steps/s, ${grouped(pace.stepsPerJob)}/s a job`,
    `${rate(pace.virtualSeconds)} virtual seconds a second`,
    `${count(effort.faults, "fault")}`,
    `memory ${megabytes(memory)}`,
    ...(failures > 0 ? [`${grouped(failures)} FAILED`] : []),
  ].join("; ");
}
