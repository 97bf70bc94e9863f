// Builds what tests of programs start, once before them.
import { execFileSync } from "node:child_process";
import { root } from "./run-tool.mjs";

/**
 * Builds these packages, and what they need, unless that is done already.
 *
 * @param {...string} packages
 */
export function buildOnce(...packages) {
  // Under turbo, the turbo.json of the tested package has had it built before its tests.
  if (process.env["TURBO_HASH"] !== undefined) return;
  const filters = packages.map((name) => `--filter=${name}`);
  const args = ["node_modules/turbo/bin/turbo", "run", "build", ...filters, "--output-logs=errors-only"];
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
  execFileSync(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
}
