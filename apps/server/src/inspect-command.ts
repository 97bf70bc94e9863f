// paxos-server inspect: what a stopped member's data directory holds, and whether all of it is whole.
import { resolve } from "node:path";

import type { Environment } from "./environment.js";
import { DONE, FAILED } from "./exit-status.js";
import type { InspectFlags } from "./flags.js";
import { describeReport, reportToJson } from "./inspect-report.js";

/** Resolves with the exit status. Rejects when there is nothing that can be inspected. */
export async function inspect({ dataDir, json }: InspectFlags, environment: Environment): Promise<number> {
  const report = await environment.inspectStorage({ directory: resolve(dataDir) });
  environment.writeOutput(json ? `${reportToJson(report)}\n` : describeReport(report));
  return report.problemCount === 0 ? DONE : FAILED;
}
