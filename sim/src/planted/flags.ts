import { availableParallelism } from "node:os";

import { type GivenFlags, readFlags, word, yes } from "../given-flags.js";
import { UsageError } from "../usage-error.js";
import { parseJobs, parseProfile, parseRuns, parseSeed } from "../values.js";
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

const USAGE = `pnpm sim:planted [--bug NAME]...             seeds until each is found
pnpm sim:planted [--bug NAME]... --known     the seeds known to find them
pnpm sim:planted [--bug NAME]... --list      only what there is

Plants bugs in copies of the core and the replica, one at a time, and shows how
many seeds it takes until the simulator finds each.`;

const EPILOGUE = `Exit status: 0 all found, 1 not so, 2 bad input, 70 an error of the program
itself.`;

const options = {
  bug: { ...word, describe: "this one only; repeatable" },
  "max-seeds": { ...word, describe: "how many seeds are tried for a bug; else 2000" },
  from: { ...word, describe: "the first seed; else 1" },
  profile: { ...word, describe: "which faults; else those that find the bug best" },
  record: { ...yes, describe: "write what finds each bug into the catalogue, for --known" },
  known: {
    ...yes,
    describe: "only the seed known to find each bug, and that the code as it is passes it",
  },
  list: { ...yes, describe: "only say which bugs there are" },
  jobs: { ...word, describe: "how many threads; else one a core" },
  json: { ...yes, describe: "one line of JSON for each bug" },
  help: { ...yes, describe: "show this" },
} as const;

type FlagName = keyof typeof options;

/**
 * Reads the command line: the flags, or the text of `--help`.
 * @throws UsageError when it is not allowed.
 */
export function parsePlantedFlags(args: readonly string[]): PlantedFlags | string {
  const program = "pnpm sim:planted";
  const given = readFlags({ program, usage: USAGE, epilogue: EPILOGUE, options }, args);
  if (typeof given === "string") return given;
  checkTogether(given);
  return {
    bugs: chooseBugs(given.words("bug")),
    plan: {
      from: 1,
      maxSeeds: 2000,
      jobs: availableParallelism(),
      ...given.value("from", "from", parseSeed),
      ...given.value("max-seeds", "maxSeeds", parseRuns),
      ...given.value("jobs", "jobs", parseJobs),
      ...given.value("profile", "profile", parseProfile),
      known: given.has("known"),
    },
    list: given.has("list"),
    json: given.has("json"),
    record: given.has("record"),
  };
}

/** Nothing is given that would have no effect. */
function checkTogether(given: GivenFlags<FlagName>): void {
  const refuse = (sign: FlagName, allowed: readonly FlagName[]): void => {
    const [other] = given.has(sign) ? given.besides([sign, "bug", ...allowed]) : [];
    if (other !== undefined) throw new UsageError(`--${other} does not go with --${sign}: leave it out`);
  };
  refuse("list", []);
  refuse("known", ["jobs", "json"]);
}

function chooseBugs(names: readonly string[]): readonly PlantedBug[] {
  for (const name of names) {
    if (catalogue.some((bug) => bug.name === name)) continue;
    throw new UsageError(`there is no planted bug ${JSON.stringify(name)}; see pnpm sim:planted --list`);
  }
  return names.length === 0 ? catalogue : catalogue.filter(({ name }) => names.includes(name));
}
