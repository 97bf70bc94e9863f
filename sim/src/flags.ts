// The flags there are, as words; what they mean together is in invocation.ts.
import { profileNames } from "@paxos/simulator";

import { type GivenFlags, readFlags, word, yes } from "./given-flags.js";

const USAGE = `pnpm sim [--profile NAME]... [--runs N] [--from SEED]   fresh seeds
pnpm sim --seed N [--profile NAME] [--trace | --json]   one run again
pnpm sim --seed N [--profile NAME] --shrink             a failing run, smaller
pnpm sim --known [FILE]                                 seeds that once failed

Simulates whole clusters in virtual time under seeded faults, and checks every
run. Without --profile, seeds go through all profiles in turn, an equal share
each. The first violation ends it, with the command that does that run again.
Ctrl-C ends it with the summary, and with the command that goes on from there.`;

const EPILOGUE = `Profiles: ${profileNames.join(", ")}.

Exit status: 0 no violation, 1 a violation, 2 bad input, 70 an error of the
program itself.`;

const many = "Fresh seeds and known ones:";
const fresh = "Fresh seeds:";
const one = "One run:";
const any = "All:";

const options = {
  runs: { ...word, group: fresh, describe: "how many, then the summary; else until stopped" },
  from: { ...word, group: fresh, describe: "the first seed; else a random one, which is printed" },
  minutes: { ...word, group: fresh, describe: "how long, in real time, then the summary" },
  resume: {
    ...word,
    group: fresh,
    describe: "a file that keeps the place: the same command goes on from there",
  },
  known: { group: many, describe: "the seeds of a file; else of sim/known-seeds.txt" },
  jobs: { ...word, group: many, describe: "how many threads; else one a core" },
  "keep-going": { ...yes, group: many, describe: "count violations, and list one of each sort at the end" },
  patience: {
    ...word,
    group: many,
    describe: "seconds of real time after which a run is held to be endless; else 300",
  },
  seed: { ...word, group: one, describe: "do this run" },
  faults: { ...word, group: one, describe: "only these faults of its plan, such as 3,17,20; or none" },
  "faults-until-ms": { ...word, group: one, describe: "virtual milliseconds after which faults stop" },
  trace: { ...yes, group: one, describe: "a transcript on standard output" },
  shrink: { ...yes, group: one, describe: "look for a smaller run that fails in the same way" },
  "max-runs": { ...word, group: one, describe: "how many runs --shrink may try; else 300" },
  profile: {
    ...word,
    group: any,
    describe: "which faults; repeatable for fresh seeds; one run's is else rough",
  },
  nodes: { ...word, group: any, describe: "how many nodes; else as the profile says" },
  with: {
    ...word,
    group: any,
    describe: "a module that exports stateMachine, newWorkload, startReplica, or some of them",
  },
  json: { ...yes, group: any, describe: "the result as one line of JSON" },
  help: { ...yes, group: any, describe: "show this" },
} as const;

export type FlagName = keyof typeof options;

/** What is given on the command line. */
export type SimFlags = GivenFlags<FlagName>;

/**
 * Reads the command line: the flags, or the text of `--help`.
 *
 * @throws UsageError when there is no such flag, or a word too many.
 */
export function readSimFlags(args: readonly string[]): SimFlags | string {
  return readFlags({ program: "pnpm sim", usage: USAGE, epilogue: EPILOGUE, options }, args);
}
