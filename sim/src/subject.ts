// What is simulated in place of the defaults: the module of --with.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { profiles, type SimulateOptions, type Workload } from "@paxos/simulator";

import type { Run } from "./run.js";
import { UsageError } from "./usage-error.js";

const NAMES = ["stateMachine", "newWorkload", "startReplica"] as const;

/** What a CommonJS module exports besides. */
const OF_COMMON_JS = ["default", "module.exports", "__esModule"];

/** The module's exports. */
export interface LoadedSubject extends Pick<SimulateOptions, "stateMachine" | "startReplica"> {
  /** Makes one for each run, so that no run depends on those before it. */
  readonly newWorkload?: () => Workload;
}

/**
 * Loads the module.
 *
 * @throws UsageError when there is no such module, or it exports nothing of use, or something else.
 */
export async function loadSubject(path: string | undefined): Promise<LoadedSubject> {
  if (path === undefined) return {};
  let exported: Record<string, unknown>;
  try {
    exported = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`cannot load ${path}: ${(error as Error).message}`);
  }
  const found = NAMES.filter((name) => name in exported);
  const allowed = NAMES.join(", ");
  if (found.length === 0) {
    throw new UsageError(`${path} exports none of ${allowed}: export at least one of them`);
  }
  const others = Object.keys(exported).filter((name) => ![...NAMES, ...OF_COMMON_JS].includes(name));
  if (others.length > 0) {
    throw new UsageError(`${path} exports ${others.join(", ")}: leave out all but ${allowed}`);
  }
  for (const name of found) {
    if (typeof exported[name] === "function") continue;
    throw new UsageError(`${path}: its ${name} is no function, but of type ${typeof exported[name]}`);
  }
  return Object.fromEntries(found.map((name) => [name, exported[name]]));
}

/** What to simulate for a run. */
export function optionsOf(run: Run, { newWorkload, ...subject }: LoadedSubject): SimulateOptions {
  const { readers, ...options } = run;
  const profile = readers === false ? { ...profiles[run.profile], readersPerMille: 0 } : run.profile;
  return { ...options, profile, ...subject, ...(newWorkload && { workload: newWorkload() }) };
}
