// Unless it is given another state machine, the server's product is the log itself, so this one keeps nothing.
import type { StateMachine } from "@paxos/core";

const NO_RESULT = new Uint8Array();

/**
 * Keeps nothing, and answers every update and every query with an empty result. Its snapshots are empty; that there are any is what lets
 * the log be compacted.
 */
export const discard: StateMachine = {
  apply: () => NO_RESULT,
  // Who asks learns the seq.
  query: () => NO_RESULT,
  snapshot: () => [],
  restore: () => undefined,
};
