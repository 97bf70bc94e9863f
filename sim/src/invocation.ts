// What the command line asks for.
import { availableParallelism } from "node:os";

import { type ProfileName, profileNames } from "@paxos/simulator";

import type { Subject } from "./command-line.js";
import { type FlagName, type GivenFlags, readFlags } from "./flags.js";
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
    const given = readFlags(args);
    return typeof given === "string" ? { command: "print", text: given } : invocationOf(new Flags(given));
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; see pnpm sim --help`);
  }
}

function invocationOf(flags: Flags): Invocation {
  const command = commandOf(flags);
  checkTogether(flags, command);
  const subject = flags.word("with");
  const common = { json: flags.has("json"), ...(subject !== undefined && { subject }) };
  switch (command) {
    case "replay":
      if (flags.has("trace") && common.json)
        throw new Error("--trace does not go with --json: give one of them");
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

function commandOf(flags: Flags): Command {
  if (flags.has("seed")) return flags.has("shrink") ? "shrink" : "replay";
  return flags.has("known") ? "known" : "hunt";
}

/** Nothing is given that would have no effect. */
function checkTogether(flags: Flags, command: Command): void {
  for (const name of flags.names) {
    if (name === "json" || name === "with" || flagsOf[command].includes(name)) continue;
    if (name === "max-runs" && command === "replay") throw new Error("--max-runs needs --shrink");
    if (!flags.has("seed") && flagsOf.shrink.concat(flagsOf.replay).includes(name) && name !== "profile") {
      throw new Error(`--${name} needs --seed N`);
    }
    throw new Error(`--${name} does not go with ${signOf[command]}: leave it out`);
  }
}

function runOf(flags: Flags): Run {
  const { seed = 0 } = flags.value("seed", "seed", values.parseSeed);
  const [profile = DEFAULT_PROFILE, second] = profilesOf(flags);
  if (second !== undefined) throw new Error("one run has one profile: give --profile once");
  return {
    seed,
    profile,
    ...flags.value("nodes", "nodes", values.parseNodes),
    ...flags.value("faults", "faults", values.parseFaults),
    ...flags.value("faults-until-ms", "faultsUntilMs", values.parseMilliseconds),
  };
}

function manyOf(flags: Flags): Pick<ManyFlags, "jobs" | "keepGoing" | "patienceMs"> {
  const { patience } = flags.value("patience", "patience", values.parseSeconds);
  return {
    jobs: availableParallelism(),
    ...flags.value("jobs", "jobs", values.parseJobs),
    keepGoing: flags.has("keep-going"),
    patienceMs: patience === undefined ? DEFAULT_PATIENCE_MS : patience * 1000,
  };
}

function freshOf(flags: Flags): Omit<HuntFlags, keyof ManyFlags> {
  const [first, ...others] = profilesOf(flags);
  const resume = flags.word("resume");
  return {
    profiles: first === undefined ? allProfiles() : [first, ...others],
    restricted: first !== undefined,
    ...flags.value("from", "from", values.parseSeed),
    ...flags.value("runs", "runs", values.parseRuns),
    ...flags.value("minutes", "minutes", values.parseMinutes),
    ...flags.value("nodes", "nodes", values.parseNodes),
    ...(resume !== undefined && { resume }),
  };
}

function allProfiles(): [ProfileName, ...ProfileName[]] {
  const [first, ...others] = profileNames;
  if (first === undefined) throw new Error("there are no profiles");
  return [first, ...others];
}

/** Each once. */
function profilesOf(flags: Flags): ProfileName[] {
  return [...new Set(flags.words("profile").map((text) => values.parseProfile("--profile", text)))];
}

/** The flags given, by what they mean. */
class Flags {
  readonly #given: GivenFlags;

  constructor(given: GivenFlags) {
    this.#given = given;
  }

  get names(): readonly FlagName[] {
    return [...this.#given.keys()];
  }

  has(name: FlagName): boolean {
    return this.#given.has(name);
  }

  words(name: FlagName): readonly string[] {
    return (this.#given.get(name) ?? []).filter((one) => one !== true);
  }

  word(name: FlagName): string | undefined {
    const [word, second] = this.words(name);
    if (second !== undefined) throw new Error(`give --${name} once`);
    return word;
  }

  /** An object with the value, or without it. */
  value<K extends string, V>(
    name: FlagName,
    key: K,
    parse: (name: string, text: string) => V,
  ): { readonly [key in K]?: V } {
    const word = this.word(name);
    return word === undefined ? {} : ({ [key]: parse(`--${name}`, word) } as { readonly [key in K]: V });
  }
}
