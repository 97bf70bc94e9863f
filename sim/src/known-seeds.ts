// The file of seeds that once failed, and are run for ever after.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Run } from "./run.js";
import { UsageError } from "./usage-error.js";
import { parseFaults, parseMilliseconds, parseNodes, parseProfile, parseSeed } from "./values.js";

/** The one in this repository. */
export const KNOWN_SEEDS = fileURLToPath(new URL("../known-seeds.txt", import.meta.url));

/** What a line is. */
export const KNOWN_SEEDS_LINE = "profile seed [nodes=N] [faults=1,2,3] [faults-until-ms=N]  # what it found";

/**
 * Reads the file's runs, in order.
 *
 * @throws UsageError when it cannot be read or understood.
 */
export function readKnownSeeds(path: string): readonly Run[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read the file of known seeds: ${(error as Error).message}`);
  }
  return parseKnownSeeds(text, path);
}

/** @throws UsageError that names the line. */
function parseKnownSeeds(text: string, path: string): readonly Run[] {
  return text.split("\n").flatMap((line, index) => {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") return [];
    try {
      return [parseLine(words)];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${path}:${index + 1}: ${error.message}; a line is: ${KNOWN_SEEDS_LINE}`);
    }
  });
}

function parseLine([profile = "", seed = "", ...rest]: readonly string[]): Run {
  const run: Run = { profile: parseProfile("profile", profile), seed: parseSeed("seed", seed) };
  return rest.reduce((known, word) => ({ ...known, ...parseSetting(word) }), run);
}

function parseSetting(word: string): Partial<Run> {
  const [name, value = ""] = word.split("=", 2);
  switch (name) {
    case "nodes":
      return { nodes: parseNodes("nodes", value) };
    case "faults":
      return { faults: parseFaults("faults", value) };
    case "faults-until-ms":
      return { faultsUntilMs: parseMilliseconds("faults-until-ms", value) };
    default:
      throw new UsageError(`${JSON.stringify(word)} is no setting`);
  }
}
