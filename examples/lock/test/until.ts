import { setTimeout as sleep } from "node:timers/promises";

/** Looks at a condition until it holds. Rejects, with what was waited for, when it does not within half a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within half a minute: ${what}`);
    await sleep(10);
  }
}
