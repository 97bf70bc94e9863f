import { startReplica } from "@paxos/replica";
import type { Profile } from "./profile.js";
import { profiles } from "./profiles.js";
import type { RunOptions } from "./assembly.js";
import { Run } from "./run.js";
import type { SimulateOptions } from "./simulate-options.js";
import type { RunSummary } from "./summary.js";
import { KeyValueMachine, keyValueWorkload } from "./key-value.js";
import { LogMachine, uniqueUpdatesWorkload } from "./unique-updates.js";
import { validateProfile } from "./validate-profile.js";
import { Violation } from "./violation.js";

/**
 * Runs a whole cluster in virtual time, in this process, under the faults of a profile, and checks everything
 * about it. Takes a fraction of a second to a few seconds.
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
  if (faultsUntilMs !== undefined && !(Number.isSafeInteger(faultsUntilMs) && faultsUntilMs >= 0)) {
    throw new RangeError(`faultsUntilMs is ${faultsUntilMs}; allowed is an integer, 0 or more`);
  }
  const profile = findProfile(options.profile ?? "rough");
  validateProfile(profile);
  const [fewest, most] = profile.nodesAllowed ?? [1, 9];
  if (nodes !== undefined && (nodes < fewest || nodes > most)) {
    throw new RangeError(`nodes is ${nodes}; profile ${profile.name} makes sense with ${fewest} to ${most}`);
  }
  const run = new Run({
    seed,
    profile,
    nodes,
    ...chooseWorkload(seed, stateMachine, workload),
    faults: faults && new Set(faults),
    faultsUntilMs,
    trace: options.trace,
    startReplica: options.startReplica ?? startReplica,
  });
  await run.go();
  const { finding } = run;
  const summary = run.summary();
  if (finding === undefined) return summary;
  const again = howToDoAgain(options, summary);
  throw new Violation(finding.checker, finding.finding, summary, { cause: finding.cause }, again);
}

function findProfile(profile: string | Profile): Profile {
  if (typeof profile !== "string") return profile;
  const found = Object.entries(profiles).find(([name]) => name === profile)?.[1];
  if (found !== undefined) return found;
  throw new RangeError(`profile is ${profile}; there are ${Object.keys(profiles).join(", ")}`);
}

/** What is to be tested; in place of that the store, and now and then the log, that come with the simulator. */
function chooseWorkload(
  seed: number,
  stateMachine: SimulateOptions["stateMachine"],
  workload: SimulateOptions["workload"],
): Pick<RunOptions, "stateMachine" | "workload"> {
  if (stateMachine === undefined && workload === undefined && seed % 4 === 3) {
    return { stateMachine: () => new LogMachine(), workload: uniqueUpdatesWorkload() };
  }
  return {
    stateMachine: stateMachine ?? (() => new KeyValueMachine()),
    workload: workload ?? keyValueWorkload(),
  };
}

function howToDoAgain({ profile, faults, faultsUntilMs }: SimulateOptions, summary: RunSummary): string {
  const own = typeof profile === "object";
  const parts = [
    `seed: ${summary.seed}`,
    own ? "profile" : `profile: "${summary.profile}"`,
    `nodes: ${summary.nodes}`,
    ...(faults === undefined ? [] : [`faults: [${faults.join(", ")}]`]),
    ...(faultsUntilMs === undefined ? [] : [`faultsUntilMs: ${faultsUntilMs}`]),
  ];
  return `simulate({ ${parts.join(", ")} }), with the same ${own ? "profile, " : ""}state machine and workload`;
}
