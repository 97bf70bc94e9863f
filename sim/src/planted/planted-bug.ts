import type { ProfileName } from "@paxos/simulator";

/** One change to a source file. */
export interface Edit {
  /** Below `packages`: `core/src/prepare.ts`. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A small wrong change to the shipped code, which the simulator must find. */
export interface PlantedBug {
  readonly name: string;
  /** Which rule it breaks, and what may happen. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Whether only reads can show it. Others are looked for in runs without readers, which are quicker. */
  readonly needsReaders?: true;
  /** The profile that finds it. */
  readonly profile: ProfileName;
  /** A seed that finds it. */
  readonly seed: number;
}
