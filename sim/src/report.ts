// What runs did, for people and for programs.
import { type RunSummary, profileNames } from "@paxos/simulator";

import { type Subject, replayCommand, shrinkCommand } from "./command-line.js";
import type { Finding } from "./findings.js";
import type { Memory } from "./meter.js";
import { count, duration, grouped, megabytes, rate } from "./quantities.js";
import { type Run, checkerOf, findingOf } from "./run.js";
import { layOut, wrapList } from "./table.js";
import { threadTimeKind } from "./thread-time.js";
import { type ProfileTotals, type Totals, ratesOf, recoveryOf } from "./totals.js";

const FACT_NAME_COLUMNS = 12;

/** What is left of a terminal of 80, indented. */
const FACT_COLUMNS = 64;

/** What many runs did. */
export interface Report {
  readonly totals: Totals;
  readonly findings: readonly Finding[];
  readonly memory: Memory;
}

/** For programs: an object of JSON. */
export function jsonReport({ totals, findings, memory }: Report, subject: Subject): object {
  const { profiles, ...sums } = totals;
  const byProfile = Object.entries(profiles).map(([name, profile]) => {
    const { recoveries: _, slowest: __, ...rest } = profile;
    return [name, { ...rest, recovery: recoveryOf({ [name]: profile }) }] as const;
  });
  return {
    ...sums,
    ...ratesOf(totals),
    jobTime: threadTimeKind,
    recovery: recoveryOf(profiles),
    profiles: Object.fromEntries(byProfile),
    memory,
    failures: findings.map((finding) => jsonFinding(finding, subject)),
  };
}

/** A failure, for programs. */
function jsonFinding({ run, failure, runs }: Finding, subject: Subject): JsonFinding {
  return {
    checker: checkerOf(failure),
    finding: findingOf(failure),
    ...(failure.kind === "violation" && {
      ...(failure.stack !== undefined && { stack: failure.stack }),
      summary: failure.summary,
    }),
    runs,
    ...run,
    replay: replayCommand(run, subject),
  };
}

interface JsonFinding extends Run {
  readonly checker: string;
  readonly finding: string;
  readonly stack?: string;
  readonly summary?: RunSummary;
  readonly runs: number;
  readonly replay: string;
}

/** A run that failed, for programs: its summary, like that of a run that passed, and what it failed with. */
export function jsonFailedRun(finding: Finding, subject: Subject): object {
  const { summary = finding.run, ...violation } = jsonFinding(finding, subject);
  return { ...summary, violation };
}

/** For people. Lines. */
export function describeTotals({ totals, memory }: Report): string[] {
  const { messages, operations, undecided, realMs, virtualMs, steps } = totals;
  const rates = ratesOf(totals);
  const recovery = recoveryOf(totals.profiles);
  return [
    "The mean run of each profile; ticks to recovery, in the median and at worst",
    ...describeProfiles(totals),
    "",
    ...layOutFacts([
      [
        "time",
        `${duration(virtualMs)} virtual in ${duration(realMs)} real: ${rate(rates.virtualToReal)} to 1`,
      ],
      [
        "core steps",
        `${grouped(steps)}: ${grouped(rates.stepsPerSecond)} a second, ${grouped(rates.stepsPerSecondPerJob)} a second of a job's ${threadTimeKind}`,
      ],
      ["faults", ...describeFaults(totals)],
      ["messages", describeMessages(messages)],
      ["snapshots", describeSnapshots(totals.snapshots)],
      ["operations", ...describeOperations(operations)],
      [
        "ordered",
        `${count(totals.ordered, "update")}, in ${count(totals.views, "view")} that somebody led, ${count(totals.epochs, "epoch")}`,
      ],
      ...(recovery === undefined
        ? []
        : [
            [
              "recovery",
              `median ${count(recovery.medianTicks, "tick")}, worst ${count(recovery.worstTicks, "tick")} (seed ${recovery.worstSeed} of ${recovery.worstProfile})`,
            ],
          ]),
      ["undecided", `linearizability of ${count(undecided, "history", "histories")}`],
      [
        "memory",
        `${megabytes(memory.start)} at the start, ${megabytes(memory.middle)} in the middle, ${megabytes(memory.end)} at the end`,
      ],
    ]),
  ];
}

function describeProfiles({ profiles }: Totals): string[] {
  const rows = inOrder(profiles).map(([name, profile]) => {
    const { runs, steps, faults, virtualMs } = profile;
    const recovery = recoveryOf({ [name]: profile });
    return [
      name,
      grouped(runs),
      grouped(virtualMs / runs / 1000),
      grouped(steps / runs),
      rate(faults / runs),
      recovery === undefined ? "-" : grouped(recovery.medianTicks),
      recovery === undefined ? "-" : grouped(recovery.worstTicks),
    ];
  });
  const heads = ["profile", "runs", "virtual s", "steps", "faults", "recovery", "worst"];
  return layOut([heads, ...rows], (column) => column > 0);
}

/** As the profiles stand in their list. */
function inOrder(profiles: Totals["profiles"]): [name: string, profile: ProfileTotals][] {
  const place = (name: string): number => profileNames.findIndex((known) => known === name);
  return Object.entries(profiles).toSorted(([a], [b]) => place(a) - place(b));
}

function describeSnapshots({ taken, installed, compactions }: RunSummary["snapshots"]): string {
  return `${grouped(taken)} taken, ${grouped(installed)} received; logs dropped ${count(compactions, "time")}`;
}

/** What one run did, for people. Lines. */
export function describeRun(summary: RunSummary): string[] {
  return layOutFacts([
    ...factsOf(summary),
    ["recovery", count(summary.recoveryTicks, "tick")],
    ["undecided", `linearizability of ${count(summary.undecided, "history", "histories")}`],
    ["trace hash", summary.traceHash],
  ]);
}

/** What there is of a run that failed, too. Without its pace: the first run of a process says little of that. */
function factsOf(summary: RunSummary): string[][] {
  const { virtualMs, steps, ticks, saves, snapshots, messages, operations, nodes } = summary;
  return [
    ["nodes", String(nodes)],
    ["time", `${duration(virtualMs)} virtual`],
    ["core steps", `${grouped(steps)}, ${grouped(ticks)} of them ticks`],
    ["faults", ...describeFaults(summary)],
    ["messages", describeMessages(messages)],
    ["saves", grouped(saves)],
    ["snapshots", describeSnapshots(snapshots)],
    ["operations", ...describeOperations(operations)],
    [
      "ordered",
      `${count(summary.ordered, "update")}, in ${count(summary.views, "view")} that somebody led, ${count(summary.epochs, "epoch")}`,
    ],
  ];
}

/** A failure, for people. Lines. */
export function describeFailure({ run, failure }: Finding): string[] {
  if (failure.kind === "broken") {
    return [
      `BROKEN RUN, seed ${run.seed} of profile ${run.profile}: it did not end as runs do`,
      failure.reason,
      "",
    ];
  }
  const { checker, finding, summary, stack } = failure;
  return [
    `VIOLATION, seed ${run.seed} of profile ${run.profile}, after ${(summary.virtualMs / 1000).toFixed(3)} virtual seconds`,
    `[${checker}] ${finding}`,
    ...(stack === undefined ? [] : ["", stack]),
    "",
    "What the run had done until then:",
    ...layOutFacts([...factsOf(summary), ["trace hash", summary.traceHash]]).map(indent),
    "",
  ];
}

/** What to do about a failure. Lines. */
export function describeCommands({ run, failure }: Finding, subject: Subject): string[] {
  return [
    `Replay:  ${replayCommand(run, subject)}`,
    ...(failure.kind === "violation" ? [`Shrink:  ${shrinkCommand(run, subject)}`] : []),
  ];
}

/** Failures of `--keep-going`, one of each sort. Lines. */
export function describeFindings(findings: readonly Finding[], subject: Subject): string[] {
  return findings.flatMap((finding) => {
    const { run, failure, runs } = finding;
    const [first = ""] = findingOf(failure).split("\n", 1);
    return [
      `${count(runs, "run")} of ${run.profile} [${checkerOf(failure)}] ${first}`,
      `  ${replayCommand(run, subject)}`,
    ];
  });
}

function describeFaults({ faults, faultsByKind }: Pick<RunSummary, "faults" | "faultsByKind">): string[] {
  const kinds = Object.entries(faultsByKind).toSorted(([, a], [, b]) => b - a);
  return [
    grouped(faults),
    ...wrapList(
      kinds.map(([kind, times]) => `${kind} ${grouped(times)}`),
      FACT_COLUMNS,
    ),
  ];
}

function describeMessages({ sent, delivered, lost, doubled }: RunSummary["messages"]): string {
  return `${grouped(sent)} sent: ${grouped(delivered)} delivered, ${grouped(lost)} lost, ${grouped(doubled)} doubled`;
}

function describeOperations({
  issued,
  ordered,
  rejected,
  unknown,
  retries,
}: RunSummary["operations"]): string[] {
  return [
    `${grouped(issued)}, with ${count(retries, "retry", "retries")}`,
    `ordered ${grouped(ordered)}, rejected ${grouped(rejected)}, unknown ${grouped(unknown)}`,
  ];
}

/** Each a name and lines. */
function layOutFacts(facts: readonly (readonly string[])[]): string[] {
  return facts.flatMap(([name = "", ...lines]) =>
    lines.map((line, index) => `${(index === 0 ? name : "").padEnd(FACT_NAME_COLUMNS)}${line}`),
  );
}

function indent(line: string): string {
  return `  ${line}`;
}
