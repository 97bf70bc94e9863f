// The programs start worker threads from what is built. That is built here, once, when that is not done yet.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function buildOnce() {
  // Under turbo, this package's turbo.json has had it built before its tests.
  if (process.env.TURBO_HASH !== undefined) return;
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const args = [
    "node_modules/turbo/bin/turbo",
    "run",
    "build",
    "--filter=paxos-sim",
    "--output-logs=errors-only",
  ];
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
  execFileSync(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
}
