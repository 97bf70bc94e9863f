import { setTimeout as sleep } from "node:timers/promises";

export interface UntilOptions {
  readonly withinMs: number;
  /** How often it is looked at. Default: every 20 ms. */
  readonly everyMs?: number;
}

/** Looks at a condition until it holds. Rejects, with what was waited for, when it does not in time. */
export async function until(
  what: string,
  { withinMs, everyMs = 20 }: UntilOptions,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(
        `not within ${withinMs / 1000} s: ${what}; PAXOS_BENCH_LOG=1 shows what the servers log`,
      );
    await sleep(everyMs);
  }
}
