// pnpm sim, with fresh seeds or known ones.
import { randomInt } from "node:crypto";

import { goOnCommand } from "./command-line.js";
import type { Standing } from "./hunt.js";
import type { HuntFlags, KnownFlags, ManyFlags } from "./invocation.js";
import { type Io, writeJson, writeLines } from "./io.js";
import { KNOWN_SEEDS_LINE, readKnownSeeds } from "./known-seeds.js";
import { type Purpose, beginning, readPlace, writePlace } from "./place-file.js";
import { type Plan, freshSeeds, listedRuns } from "./plan.js";
import { count } from "./quantities.js";
import {
  type Report,
  describeCommands,
  describeFailure,
  describeFindings,
  describeTotals,
  jsonReport,
} from "./report.js";
import { type SittingResult, sit } from "./sitting.js";
import { loadSubject } from "./subject.js";

/** A random first seed is below this: short enough to be read out. */
const MAX_RANDOM_SEED = 1_000_000_000;

/** Fresh seeds. True when nothing failed. */
export async function huntFresh(flags: HuntFlags, io: Io): Promise<boolean> {
  await loadSubject(flags.subject);
  const { place, keep } = openPlace(flags);
  const { purpose, standing } = place;
  const seeds = { ...purpose, runs: purpose.runs ?? Infinity };
  const plan = freshSeeds(seeds);
  const resumed = standing.done > 0 ? `, ${count(standing.done, "run")} done before` : "";
  writeLines(io.stderr, [
    `Seeds from ${purpose.from} on${resumed}; ${describeProfiles(flags)}; ${count(flags.jobs, "job")}. Ctrl-C ends it.`,
  ]);

  const limit = new AbortController();
  const timer = flags.minutes && setTimeout(() => limit.abort(), flags.minutes * 60_000);
  let unkept: Error | undefined;
  const onStanding = (): void => {
    try {
      keep();
    } catch (error) {
      unkept = error as Error;
      limit.abort();
    }
  };
  const signal = AbortSignal.any([io.interrupt, limit.signal]);
  const result = await sit({ plan, standing, flags, io, signal, onStanding }).finally(() =>
    clearTimeout(timer),
  );
  if (unkept !== undefined) throw unkept;

  const { done } = standing;
  const rest = { ...seeds, from: seeds.from + done, runs: seeds.runs - done };
  const goOn =
    flags.resume !== undefined && done < plan.size
      ? ["Go on with:  the same command"]
      : done < plan.size || flags.runs === undefined
        ? [`Go on with:  ${goOnCommand(rest, flags)}`]
        : [];
  return conclude(`seeds ${seeds.from} to ${seeds.from + done - 1}`, { standing, result, flags, io, goOn });
}

/** Known seeds. True when nothing failed. */
export async function huntKnown(flags: KnownFlags, io: Io): Promise<boolean> {
  await loadSubject(flags.subject);
  const plan: Plan = listedRuns(readKnownSeeds(flags.file));
  if (plan.size === 0) writeLines(io.stderr, [`${flags.file} has no runs; a line is: ${KNOWN_SEEDS_LINE}`]);
  writeLines(io.stderr, [`${count(plan.size, "known seed")} of ${flags.file}; ${count(flags.jobs, "job")}.`]);
  const standing = beginning();
  const result = await sit({ plan, standing, flags, io, signal: io.interrupt });
  const left = plan.size - standing.done;
  const goOn = left > 0 && result.failure === undefined ? [`${count(left, "seed")} left out`] : [];
  return conclude(`of ${count(plan.size, "known seed")}`, { standing, result, flags, io, goOn });
}

/** Where to begin, and what keeps the place from then on. */
function openPlace(flags: HuntFlags): {
  readonly place: { readonly purpose: Purpose; readonly standing: Standing };
  readonly keep: () => void;
} {
  const { resume, profiles, nodes, runs, subject } = flags;
  const wanted = {
    profiles,
    ...(nodes !== undefined && { nodes }),
    ...(runs !== undefined && { runs }),
    ...(subject !== undefined && { subject }),
  };
  const kept = resume === undefined ? undefined : readPlace(resume, { ...wanted, from: flags.from });
  const from = flags.from ?? randomInt(MAX_RANDOM_SEED);
  const place = kept ?? { purpose: { ...wanted, from }, standing: beginning() };
  const keep = (): void => {
    if (resume !== undefined) writePlace(resume, place);
  };
  // A file that cannot be written is better known now than after an hour.
  keep();
  return { place, keep };
}

function describeProfiles({ profiles, restricted }: HuntFlags): string {
  if (restricted) return profiles.join(", ");
  return `all ${profiles.length} profiles in turn`;
}

interface Conclusion {
  readonly standing: Standing;
  readonly result: SittingResult;
  readonly flags: ManyFlags;
  readonly io: Io;
  /** What to do next. Lines. */
  readonly goOn: readonly string[];
}

/** Says what was found. True when nothing was. */
function conclude(what: string, { standing, result, flags, io, goOn }: Conclusion): boolean {
  const { failure, memory } = result;
  const { totals, findings } = standing;
  const all = failure === undefined ? findings : [...findings, failure];
  const report: Report = { totals, memory, findings: all };
  if (flags.json) writeJson(io.stdout, jsonReport(report, flags));
  else {
    const failed = findings.reduce((sum, { runs }) => sum + runs, 0);
    const passed = standing.done - failed;
    writeLines(io.stdout, [
      ...(failure === undefined
        ? []
        : [...describeFailure(failure), ...describeCommands(failure, flags), ""]),
      `${count(passed, "run")} without a violation${failed > 0 ? `, ${count(failed, "run")} with one` : ""}${standing.done > 0 ? `: ${what}` : ""}`,
      ...(standing.done > 0 ? ["", ...describeTotals(report)] : []),
      ...(findings.length > 0 ? ["", ...describeFindings(findings, flags)] : []),
      ...(goOn.length > 0 && failure === undefined ? ["", ...goOn] : []),
    ]);
  }
  return all.length === 0;
}
