// Pauses that a client has seen, as tables beside their targets, or as JSON.
import type { Held, Seen } from "./acknowledged.js";
import { afterMs, beforeMs, steps, type ChangeResult, type Step } from "./change.js";
import type { LoadedClusterOptions, Measured } from "./loaded-cluster.js";
import { printJson, verdict } from "./report.js";
import { medianOf, spread } from "./statistics.js";
import { printRows } from "./table.js";
import type { RollingResult } from "./rolling.js";

const rollingTarget = 100;
const changeTarget = 500;

/** What was seen during something, and without. */
type Pair = Pick<Measured, "during" | "quiet">;

export function reportRolling(result: RollingResult, json: boolean): void {
  const { options, restarts, held } = result;
  const statuses = restarts.map(({ status }) => status);
  requireSound(held, statuses);
  if (json) return printJson(result);
  console.log(
    `${describeLoad(options)}\nruns: ${options.runs}, in each of which every server is restarted in turn`,
  );
  console.log(
    "windows: from SIGTERM until the server has applied what the leader knew as ordered a moment before",
  );
  const leaders = restarts.filter(({ ledBefore }) => ledBefore);
  const followers = restarts.filter(({ ledBefore }) => !ledBefore);
  printPairs({ "the leader is restarted": leaders, "a follower is restarted": followers, either: restarts });
  const ended = medianOf(restarts.map(({ endedAfter }) => endedAfter)).toFixed(0);
  const level = (medianOf(restarts.map(({ windowMs }) => windowMs)) / 1000).toFixed(2);
  console.log(`medians: ended ${ended} ms after the signal, level again ${level} s after it`);
  console.log(describeExits("stopped", statuses));
  console.log(describeHeld(held));
  const judge = (pairs: readonly Pair[]) => verdict(medianOf(pairs.map(pauseOf)) < rollingTarget);
  console.log(
    `target: pauses below ${rollingTarget} ms at the median: of leaders ${judge(leaders)}, of followers ${judge(followers)}`,
  );
}

export function reportChange(result: ChangeResult, json: boolean): void {
  const { options, changes, exits, held } = result;
  const statuses = [...exits.founders, ...exits.others];
  requireSound(held, statuses);
  if (json) return printJson(result);
  console.log(
    `${describeLoad(options)}\nruns: ${options.runs}, each from three servers to five, to three, to three others`,
  );
  console.log(
    `windows: from ${beforeMs} ms before a change is asked for until ${afterMs} ms after it is answered; of a learner that starts, until it is level`,
  );
  const ofStep = (step: Step) => changes.filter((change) => change.step === step);
  const rows = Object.entries(steps).map(([step, name]) => [name, ofStep(step as Step)] as const);
  const longest = longestOfRuns(result);
  printPairs({
    ...Object.fromEntries(rows),
    "any change": changes.filter(({ step }) => step !== "join"),
    "the longest of a run, starts included": longest,
  });
  console.log(describeExits("removed", statuses));
  console.log(describeHeld(held));
  const met = medianOf(longest.map(pauseOf)) <= changeTarget;
  console.log(`target: no pause over ${changeTarget} ms, at the median of the runs: ${verdict(met)}`);
}

/** Of each run the most that was seen, and the most that was seen while nothing was done. */
function longestOfRuns({ options, changes }: ChangeResult): Pair[] {
  return Array.from({ length: options.runs }, (_, i) => {
    const ofRun = changes.filter(({ run }) => run === i + 1);
    const most = (which: keyof Pair) => {
      const all = ofRun.map((change) => change[which]);
      const longest = all.reduce((a, b) => (b.pause > a.pause ? b : a));
      return { ...longest, slowest: Math.max(...all.map(({ slowest }) => slowest)) };
    };
    return { during: most("during"), quiet: most("quiet") };
  });
}

function printPairs(rows: Readonly<Record<string, readonly Pair[]>>): void {
  printSpreads("longest pause, ms", rows, ({ pause }) => pause);
  printSpreads("slowest update, ms", rows, ({ slowest }) => slowest);
  console.log("\npause: the longest gap between two consecutive acknowledgements, as the client sees them");
  console.log(
    "quiet: windows as long, each right after the one that it belongs to, in which nothing is done",
  );
  console.log("ratio: of the medians\n");
}

function printSpreads(
  title: string,
  rows: Readonly<Record<string, readonly Pair[]>>,
  value: (seen: Seen) => number,
): void {
  console.log();
  printRows([
    [title, "count", "min", "median", "p90", "max", "quiet median", "quiet max", "ratio"],
    ...Object.entries(rows).map(([name, pairs]) => {
      const [min, median, p90, max] = spread(pairs.map(({ during }) => value(during)));
      const [, quietMedian, , quietMax] = spread(pairs.map(({ quiet }) => value(quiet)));
      return [name, `${pairs.length}`, min, median, p90, max, quietMedian, quietMax, median / quietMedian];
    }),
  ]);
}

const pauseOf = ({ during }: Pair): number => during.pause;

/** A benchmark that finds a mistake has failed, whatever it has measured. */
function requireSound(held: readonly Held[], statuses: readonly (number | null)[]): void {
  if (missingFrom(held) > 0 || otherwise(statuses) > 0) process.exitCode = 1;
}

function otherwise(statuses: readonly (number | null)[]): number {
  return statuses.filter((status) => status !== 0).length;
}

function missingFrom(held: readonly Held[]): number {
  return held.reduce((total, { acknowledged, once }) => total + acknowledged - once, 0);
}

function describeLoad({ transport, updateBytes, perSecond }: LoadedClusterOptions): string {
  return `three servers over ${transport}, storage on disk; ${perSecond} updates of ${updateBytes} bytes submitted a second, however soon they are answered`;
}

function describeExits(how: string, statuses: readonly (number | null)[]): string {
  const all = `${statuses.length} servers were ${how}`;
  const wrong = otherwise(statuses);
  return wrong === 0 ? `${all}: all ended with status 0` : `${all}: ${wrong} DID NOT END WITH STATUS 0`;
}

function describeHeld(held: readonly Held[]): string {
  const all = held.reduce((total, { acknowledged }) => total + acknowledged, 0).toLocaleString("en-US");
  const missing = missingFrom(held);
  const where = "in the log exactly once, at the seq that the client was told";
  return missing === 0
    ? `${all} updates were acknowledged: all are ${where}`
    : `${all} updates were acknowledged: ${missing} ARE NOT ${where}`;
}
