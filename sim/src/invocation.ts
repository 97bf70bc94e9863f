// What the command line asks for.
import { availableParallelism } from "node:os";

import { type ProfileName, profileNames, profiles } from "@paxos/simulator";

import type { Subject } from "./command-line.js";
import { type FlagName, type SimFlags, readSimFlags } from "./flags.js";
import { KNOWN_SEEDS } from "./known-seeds.js";
import type { Run } from "./run.js";
import { UsageError } from "./usage-error.js";
import * as values from "./values.js";

/** The profile of a run whose command names none. */
const DEFAULT_PROFILE: ProfileName = "rough";

const DEFAULT_PATIENCE_MS = 300_000;

interface CommonFlags extends Subject {
  readonly json: boolean;
}

/** One run again. */
export interface ReplayFlags extends CommonFlags {
  readonly run: Run;
  readonly trace: boolean;
}

/** A failing run made smaller. */
export interface ShrinkFlags extends CommonFlags {
  readonly run: Run;
  readonly maxRuns?: number;
}

/** Many runs. */
export interface ManyFlags extends CommonFlags {
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly patienceMs: number;
}

/** Fresh seeds. */
export interface HuntFlags extends ManyFlags {
  readonly profiles: readonly [ProfileName, ...ProfileName[]];
  /** Whether the command names the profiles. */
  readonly restricted: boolean;
  readonly from?: number;
  /** Undefined: until stopped. */
  readonly runs?: number;
  readonly minutes?: number;
  readonly nodes?: number;
  /** The file that keeps the place. */
  readonly resume?: string;
}

/** The seeds of a file. */
export interface KnownFlags extends ManyFlags {
  readonly file: string;
}

export type Invocation =
  | ({ readonly command: "hunt" } & HuntFlags)
  | ({ readonly command: "known" } & KnownFlags)
  | ({ readonly command: "replay" } & ReplayFlags)
  | ({ readonly command: "shrink" } & ShrinkFlags)
  /** Help. */
  | { readonly command: "print"; readonly text: string };

type Command = Exclude<Invocation["command"], "print">;

/** What goes with what, besides `--json` and `--with`. */
const flagsOf: Readonly<Record<Command, readonly FlagName[]>> = {
  hunt: ["profile", "runs", "from", "minutes", "resume", "nodes", "jobs", "keep-going", "patience"],
  known: ["known", "jobs", "keep-going", "patience"],
  replay: ["seed", "profile", "nodes", "faults", "faults-until-ms", "trace"],
  shrink: ["seed", "profile", "nodes", "faults", "faults-until-ms", "shrink", "max-runs"],
};

/** What makes a command line one of these. */
const signOf: Readonly<Record<Command, string>> = {
  hunt: "fresh seeds",
  known: "--known",
  replay: "--seed",
  shrink: "--shrink",
};

/** @throws UsageError when the command line is wrong. */
export function parseInvocation(args: readonly string[]): Invocation {
  try {
    const given = readSimFlags(args);
    return typeof given === "string" ? { command: "print", text: given } : invocationOf(given);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}; see pnpm sim --help`);
  }
}

function invocationOf(flags: SimFlags): Invocation {
  const command = commandOf(flags);
  checkTogether(flags, command);
  const subject = flags.word("with");
  const common = { json: flags.has("json"), ...(subject !== undefined && { subject }) };
  switch (command) {
    case "replay":
      if (flags.has("trace") && common.json)
        throw new UsageError("--trace does not go with --json: give one of them");
      return { command, ...common, run: runOf(flags), trace: flags.has("trace") };
    case "shrink":
      return {
        command,
        ...common,
        run: runOf(flags),
        ...flags.value("max-runs", "maxRuns", values.parseRuns),
      };
    case "known":
      return { command, ...common, ...manyOf(flags), file: flags.word("known") || KNOWN_SEEDS };
    case "hunt":
      return { command, ...common, ...manyOf(flags), ...freshOf(flags) };
  }
}

function commandOf(flags: SimFlags): Command {
  if (flags.has("seed")) return flags.has("shrink") ? "shrink" : "replay";
  return flags.has("known") ? "known" : "hunt";
}

/** Nothing is given that would have no effect. */
function checkTogether(flags: SimFlags, command: Command): void {
  const [name] = flags.besides(["json", "with", ...flagsOf[command]]);
  if (name === undefined) return;
  const isOfOneRun = !flagsOf.hunt.includes(name) && !flagsOf.known.includes(name);
  const needs = [
    ...(isOfOneRun && !flags.has("seed") ? ["--seed N"] : []),
    ...(name === "max-runs" && !flags.has("shrink") ? ["--shrink"] : []),
  ];
  throw new UsageError(
    needs.length > 0
      ? `--${name} needs ${needs.join(" and ")}`
      : `--${name} does not go with ${signOf[command]}: leave it out`,
  );
}

function runOf(flags: SimFlags): Run {
  const { seed = 0 } = flags.value("seed", "seed", values.parseSeed);
  const [profile = DEFAULT_PROFILE, second] = profilesOf(flags);
  if (second !== undefined) throw new UsageError("one run has one profile: give --profile once");
  return {
    seed,
    profile,
    ...flags.value("nodes", "nodes", values.parseNodes),
    ...flags.value("faults", "faults", values.parseFaults),
    ...flags.value("faults-until-ms", "faultsUntilMs", values.parseMilliseconds),
  };
}

function manyOf(flags: SimFlags): Pick<ManyFlags, "jobs" | "keepGoing" | "patienceMs"> {
  const { patience } = flags.value("patience", "patience", values.parseSeconds);
  return {
    jobs: availableParallelism(),
    ...flags.value("jobs", "jobs", values.parseJobs),
    keepGoing: flags.has("keep-going"),
    patienceMs: patience === undefined ? DEFAULT_PATIENCE_MS : patience * 1000,
  };
}

function freshOf(flags: SimFlags): Omit<HuntFlags, keyof ManyFlags> {
  const [first, ...others] = profilesOf(flags);
  const resume = flags.word("resume");
  const { nodes } = flags.value("nodes", "nodes", values.parseNodes);
  return {
    profiles: first === undefined ? profilesWith(nodes) : [first, ...others],
    restricted: first !== undefined,
    ...flags.value("from", "from", values.parseSeed),
    ...flags.value("runs", "runs", values.parseRuns),
    ...flags.value("minutes", "minutes", values.parseMinutes),
    ...(nodes !== undefined && { nodes }),
    ...(resume !== undefined && { resume }),
  };
}

/** All profiles that can have so many nodes. */
function profilesWith(nodes: number | undefined): [ProfileName, ...ProfileName[]] {
  const [first, ...others] = profileNames.filter((name) => {
    const [fewest, most] = profiles[name].nodesAllowed ?? [1, Infinity];
    return nodes === undefined || (nodes >= fewest && nodes <= most);
  });
  if (first === undefined) throw new UsageError(`no profile can have ${nodes} nodes`);
  return [first, ...others];
}

/** Each once. */
function profilesOf(flags: SimFlags): ProfileName[] {
  return [...new Set(flags.words("profile").map((text) => values.parseProfile("--profile", text)))];
}
