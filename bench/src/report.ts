// What a benchmark has found: printed, given as JSON, or put on the page of results.
import { printTable, type Table } from "./table.js";
import type { Panel } from "./plot.js";

export interface Report {
  /** The name of the part: what `pnpm bench` is called with. */
  readonly part: string;
  /** The command that measures it again. */
  readonly command: string;
  /** What was measured, in a few sentences. */
  readonly about: string;
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly targets: readonly Target[];
}

export interface Chart {
  /** The name of its file, without the folder and `.svg`. */
  readonly name: string;
  readonly panels: readonly Panel[];
  readonly xLabel: string;
  /** Whether each step to the right is a factor. */
  readonly logX?: boolean;
}

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Whether a target is met, for people. */
export const verdict = (met: boolean): string => (met ? "met" : "MISSED");

export function printJson(result: unknown): void {
  console.log(JSON.stringify(result));
}

export function printReport(report: Report, json: boolean): void {
  if (json) return printJson(report);
  console.log(report.about);
  report.tables.forEach(printTable);
  if (report.targets.length > 0) printTable(targetTable(report.targets));
}

export function targetTable(targets: readonly Target[]): Table {
  return {
    title: "Targets",
    columns: ["what", "target", "measured", ""],
    rows: targets.map(({ what, wanted, measured, met }) => [what, wanted, measured, verdict(met)]),
  };
}
