import { availableParallelism } from "node:os";

import { profileNames, type ProfileName } from "@paxos/simulator";
import yargs from "yargs";

import { UsageError } from "../usage-error.js";
import { parseJobs, parseRuns, parseSeed } from "../values.js";
import { catalogue } from "./catalogue.js";
import type { PlantedBug } from "./planted-bug.js";
import type { SearchPlan } from "./search.js";

/** What is to be done. */
export interface PlantedFlags {
  readonly bugs: readonly PlantedBug[];
  readonly plan: SearchPlan;
  readonly list: boolean;
  readonly json: boolean;
  /** Whether the catalogue is to keep the seeds found. */
  readonly record: boolean;
}

const USAGE = `pnpm sim:planted [--bug NAME]...

Plants bugs in copies of the core and the replica, one at a time, and shows how many seeds it takes until the
simulator finds each.`;

const EPILOGUE = `Exit status: 0 all found, 1 not so, 2 bad input.`;

const word = { string: true, requiresArg: true } as const;
const yes = { boolean: true } as const;

const options = {
  bug: { ...word, describe: "this one only; repeatable" },
  "max-seeds": { ...word, default: "2000", describe: "how many seeds are tried for a bug" },
  from: { ...word, default: "1", describe: "the first seed" },
  profile: { ...word, describe: "which faults; else those that find the bug best" },
  known: { ...yes, describe: "only the seed known to find each bug, and that the code as it is passes it" },
  record: { ...yes, describe: "write what finds each bug into the catalogue, for --known" },
  jobs: { ...word, describe: "how many threads; else one a core" },
  list: { ...yes, describe: "only say which bugs there are" },
  json: { ...yes, describe: "one line of JSON for each bug" },
  help: { ...yes, describe: "show this" },
} as const;

/**
 * Reads the command line: the flags, or the text of `--help`.
 * @throws UsageError when it is not allowed.
 */
export function parsePlantedFlags(args: readonly string[]): PlantedFlags | string {
  let text = "";
  let problem: string | undefined;
  const parser = yargs([...args])
    .scriptName("pnpm sim:planted")
    .locale("en")
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage(USAGE)
    .epilogue(EPILOGUE)
    .wrap(110)
    .version(false)
    .help("help")
    .options(options)
    .strict();
  let flags: Record<string, unknown> = {};
  // There is nothing asynchronous in it, so everything has been said when it returns.
  void parser.parse([...args], {}, (error, argv, output) => {
    flags = argv;
    problem = error?.message;
    text = output;
  });
  if (problem !== undefined) throw new UsageError(problem.replace(/\s+/g, " ").trim());
  if (text !== "") return text;
  const words = (name: string) => [flags[name]].flat().filter((value) => typeof value === "string");
  const [extra] = (flags["_"] as readonly string[] | undefined) ?? [];
  if (extra !== undefined) throw new UsageError(`Unknown argument: ${extra}`);
  return interpret(words, (name) => flags[name] === true);
}

function interpret(words: (name: string) => string[], isSet: (name: string) => boolean): PlantedFlags {
  const read = <T>(name: string, parse: (name: string, text: string) => T): T | undefined => {
    const given = words(name).at(-1);
    try {
      return given === undefined ? undefined : parse(`--${name}`, given);
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
  };
  return {
    bugs: chooseBugs(words("bug")),
    plan: {
      profile: read("profile", parseProfile),
      from: read("from", parseSeed) ?? 1,
      maxSeeds: read("max-seeds", parseRuns) ?? 2000,
      known: isSet("known"),
      jobs: read("jobs", parseJobs) ?? availableParallelism(),
    },
    list: isSet("list"),
    json: isSet("json"),
    record: isSet("record"),
  };
}

function chooseBugs(names: readonly string[]): readonly PlantedBug[] {
  for (const name of names) {
    if (catalogue.some((bug) => bug.name === name)) continue;
    throw new UsageError(`there is no planted bug ${JSON.stringify(name)}; see pnpm sim:planted --list`);
  }
  return names.length === 0 ? catalogue : catalogue.filter(({ name }) => names.includes(name));
}

function parseProfile(name: string, text: string): ProfileName {
  const found = profileNames.find((profile) => profile === text);
  if (found !== undefined) return found;
  throw new Error(`bad ${name} ${JSON.stringify(text)}: give one of ${profileNames.join(", ")}`);
}
