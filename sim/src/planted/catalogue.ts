import { bugsOfAcceptance } from "./bugs-of-acceptance.js";
import { bugsOfExecution } from "./bugs-of-execution.js";
import { bugsOfInstalls } from "./bugs-of-installs.js";
import { bugsOfLiveness } from "./bugs-of-liveness.js";
import { bugsOfMembership } from "./bugs-of-membership.js";
import { bugsOfPromises } from "./bugs-of-promises.js";
import { bugsOfReads } from "./bugs-of-reads.js";
import { bugsOfSnapshots } from "./bugs-of-snapshots.js";
import { bugsOfStorage } from "./bugs-of-storage.js";
import { bugsOfViewChanges } from "./bugs-of-view-changes.js";
import type { PlantedBug } from "./planted-bug.js";

/** All planted bugs. A bug that the simulator does not find calls for a better checker, not for a smaller list. */
export const catalogue: readonly PlantedBug[] = [
  ...bugsOfPromises,
  ...bugsOfAcceptance,
  ...bugsOfViewChanges,
  ...bugsOfExecution,
  ...bugsOfLiveness,
  ...bugsOfSnapshots,
  ...bugsOfInstalls,
  ...bugsOfStorage,
  ...bugsOfMembership,
  ...bugsOfReads,
];
