import { setTimeout as sleep } from "node:timers/promises";

import { patient } from "./hosts.js";

/** Looks at a condition until it holds. Rejects, with what was waited for, when it does not in time (on loopback). */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  loopbackDeadlineMs = 30_000,
): Promise<void> {
  const deadlineMs = patient(loopbackDeadlineMs);
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(10);
  }
}
