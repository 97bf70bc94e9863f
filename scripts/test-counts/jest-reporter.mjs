import { readFileSync } from "node:fs";
import { join } from "node:path";
import { recordCounts } from "./counts.mjs";

/** Records how many tests of a package passed and failed. A test file that could not be run counts as one failed. */
export default class CountingReporter {
  /**
   * @param {ReadonlySet<unknown>} _contexts
   * @param {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number }} results
   */
  onRunComplete(_contexts, results) {
    const manifest = /** @type {{ name: string }} */ (
      JSON.parse(readFileSync(join(process.cwd(), "package.json"), "utf8"))
    );
    recordCounts(manifest.name, {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    });
  }
}
