import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ passed: number, failed: number }} Counts */

/**
 * Keeps how many tests of one package have run, in the folder that PAXOS_TEST_RESULTS names. Does nothing when it is not
 * set.
 *
 * @param {string} name of the package
 * @param {Counts} counts
 */
export function recordCounts(name, counts) {
  const folder = process.env["PAXOS_TEST_RESULTS"];
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${encodeURIComponent(name)}.json`), JSON.stringify(counts));
}

/**
 * The counts of all packages, by name.
 *
 * @param {string} folder
 * @returns {Map<string, Counts>}
 */
export function readCounts(folder) {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted();
  return new Map(
    files.map((file) => {
      const counts = /** @type {Counts} */ (JSON.parse(readFileSync(join(folder, file), "utf8")));
      return [decodeURIComponent(file.slice(0, -".json".length)), counts];
    }),
  );
}
