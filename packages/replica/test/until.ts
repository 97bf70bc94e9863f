import { setImmediate as turn } from "node:timers/promises";

/** Lets the event loop turn until the condition holds. */
export async function until(
  condition: () => boolean,
  what: string,
  eachTurn: () => void = () => undefined,
): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    eachTurn();
    await turn();
  }
}

/** Lets the event loop turn often enough for everything to happen that waits for nothing but its turn. */
export async function turns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}
