import { setTimeout as sleep } from "node:timers/promises";

import { DemoError } from "./demo-error.js";

const INTERVAL_MS = 20;

export interface Patience {
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** Looks at a condition until it holds. Rejects when that takes longer than `ms`, or the signal is aborted. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  { ms, signal }: Patience,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new DemoError(`waited ${ms / 1000} s in vain: ${what}`);
    await sleep(INTERVAL_MS, undefined, { signal });
  }
}
