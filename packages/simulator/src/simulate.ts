import { startReplica } from "@paxos/replica";
import type { Profile } from "./profile.js";
import { profiles } from "./profiles.js";
import { Run } from "./run.js";
import type { SimulateOptions } from "./simulate-options.js";
import type { RunSummary } from "./summary.js";
import { KeyValueMachine, keyValueWorkload } from "./key-value.js";
import { Violation } from "./violation.js";

/**
 * Runs a whole cluster in virtual time, in this process, under the faults of a profile, and checks everything
 * about it. Takes well under a second for half a minute of virtual time.
 * @throws Violation when something has happened that must never happen. RangeError for options that are not allowed.
 */
export async function simulate(options: SimulateOptions): Promise<RunSummary> {
  const { seed, nodes, faults, stateMachine, workload } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed is ${seed}; allowed is an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  if (nodes !== undefined && !(Number.isInteger(nodes) && nodes >= 1 && nodes <= 9)) {
    throw new RangeError(`nodes is ${nodes}; allowed is an integer from 1 to 9`);
  }
  const { faultsUntilMs } = options;
  if (faultsUntilMs !== undefined && !(faultsUntilMs >= 0)) {
    throw new RangeError(`faultsUntilMs is ${faultsUntilMs}; allowed is 0 or more`);
  }
  const run = new Run({
    seed,
    profile: findProfile(options.profile ?? "rough"),
    nodes,
    stateMachine: stateMachine ?? (() => new KeyValueMachine()),
    workload: workload ?? keyValueWorkload(),
    faults: faults && new Set(faults),
    faultsUntilMs: options.faultsUntilMs,
    trace: options.trace,
    startReplica: options.startReplica ?? startReplica,
  });
  await run.go();
  const { finding } = run;
  if (finding === undefined) return run.summary();
  throw new Violation(finding.checker, finding.finding, run.summary(), { cause: finding.cause });
}

function findProfile(profile: string | Profile): Profile {
  if (typeof profile !== "string") return profile;
  const found = Object.entries(profiles).find(([name]) => name === profile)?.[1];
  if (found !== undefined) return found;
  throw new RangeError(`profile is ${profile}; there are ${Object.keys(profiles).join(", ")}`);
}
