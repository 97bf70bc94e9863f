// What is done to the servers while clients use them.
import { pause } from "../kv-client.js";
import type { Processes } from "./processes.js";

/** How often each was done. */
export interface FaultCounts {
  kills: number;
  pauses: number;
  replacements: number;
}

const between = (low: number, high: number): number => low + Math.random() * (high - low);

function pick<T>(some: readonly T[]): T {
  const one = some[Math.floor(Math.random() * some.length)];
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}

/**
 * One fault after the other until the signal is aborted: a server is killed and started again, or paused and resumed, or replaced by a new
 * one. One server is down at a time, so that the others can go on.
 */
export async function makeTrouble(
  cluster: Processes,
  { signal, replacements }: { readonly signal: AbortSignal; readonly replacements: number },
): Promise<FaultCounts> {
  const counts: FaultCounts = { kills: 0, pauses: 0, replacements: 0 };
  for (let turn = 0; !signal.aborted; turn++) {
    await pause(between(200, 800), signal);
    const victim = pick(cluster.running);
    switch (turn % 3) {
      case 0:
        await cluster.kill(victim);
        await pause(between(0, 1_500), signal);
        await cluster.restart(victim);
        counts.kills++;
        break;
      case 1:
        // It has no signal that stops a process.
        if (process.platform === "win32") break;
        // Up to longer than it takes the others to choose another leader.
        cluster.pause(victim);
        await pause(between(100, 2_500), signal);
        cluster.resume(victim);
        counts.pauses++;
        break;
      case 2:
        if (counts.replacements === replacements) break;
        await cluster.replace(victim);
        counts.replacements++;
        break;
    }
  }
  return counts;
}
