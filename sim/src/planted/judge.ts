// Whether a run with a bug planted has found it.
import { checkerOf, findingOf, type Outcome } from "../run.js";

/** A run that takes longer, in real milliseconds, may be one that never ends. */
export const PATIENCE_MS = 60_000;

/** It does not end if the code as it is needs less than this for the same seed; else the machine is slow. */
const PROMPT_MS = PATIENCE_MS / 20;

export interface Judgement {
  readonly checker?: string;
  readonly finding?: string;
  readonly error?: string;
}

/**
 * What found the bug, or what else went wrong. Undefined when the run passed.
 *
 * @param promptness real milliseconds that the code as it is needs for the seed; asked for if need be.
 */
export async function judge(
  outcome: Outcome,
  promptness: () => Promise<number>,
): Promise<Judgement | undefined> {
  if (outcome.kind === "passed") return undefined;
  const finding = findingOf(outcome);
  if (outcome.kind === "violation") return { checker: checkerOf(outcome), finding };
  if (outcome.busyMs < PATIENCE_MS) return { error: finding };
  const ms = await promptness();
  if (ms < PROMPT_MS) return { checker: "hang", finding };
  return {
    error: `${finding}; but the code as it is takes ${(ms / 1000).toFixed(1)} s here: too slow to tell`,
  };
}
