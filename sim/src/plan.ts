// Which runs there are to be, in order.
import type { ProfileName } from "@paxos/simulator";

import type { Run } from "./run.js";

/** Runs in order, found by their index from 0 on. */
export interface Plan {
  /** How many there are. */
  readonly size: number;
  /** Whether so many are wanted; else it goes on until it is stopped. */
  readonly endless: boolean;
  at(index: number): Run;
}

/** What fresh seeds are run with. */
export interface FreshSeeds {
  /** In turn. */
  readonly profiles: readonly [ProfileName, ...ProfileName[]];
  readonly from: number;
  /** How many; may be Infinity. */
  readonly runs: number;
  readonly nodes?: number;
}

/**
 * One seed after the other. A seed's place in the turn of the profiles depends on the seed alone, so that whoever goes on from
 * a later seed goes through the same runs.
 */
export function freshSeeds({ profiles, from, runs, nodes }: FreshSeeds): Plan {
  return {
    // Seeds are safe integers.
    size: Math.min(runs, Number.MAX_SAFE_INTEGER - from + 1),
    endless: runs === Infinity,
    at: (index) => {
      const seed = from + index;
      const profile = profiles[seed % profiles.length] ?? profiles[0];
      return { seed, profile, ...(nodes === undefined ? {} : { nodes }) };
    },
  };
}

/** Just these. */
export function listedRuns(runs: readonly Run[]): Plan {
  return {
    size: runs.length,
    endless: false,
    at: (index) => {
      const run = runs[index];
      if (run === undefined) throw new RangeError(`there are ${runs.length} runs, and none at ${index}`);
      return run;
    },
  };
}
