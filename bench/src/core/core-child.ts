// A process of its own for each measurement: what an earlier one has left behind changes nothing.
import { randomFillSync } from "node:crypto";
import { Cores } from "./cores.js";

/** What is to be measured. */
export interface CoreSetup {
  readonly measure: "updates per second" | "bytes per update";
  readonly nodes: number;
  readonly inFlight: number;
  readonly updateBytes: number;
}

/** Long enough for everything to be compiled, and for the noise of the machine to even out. */
const warmUp = 200_000;
const measured = 600_000;
/** So few that nothing is collected meanwhile, in the room that {@link roomyHeap} gives. */
const counted = 20_480;

/** Flags of Node with which nothing is collected unless it is asked for. */
export const roomyHeap = ["--expose-gc", "--min-semi-space-size=512", "--max-semi-space-size=512"];

process.once("message", (message) => {
  const setup = message as CoreSetup;
  const cores = new Cores(setup.nodes);
  const update = randomFillSync(new Uint8Array(setup.updateBytes));
  const order = (count: number) => cores.order(count, setup.inFlight, update);
  // One by one they take longer.
  const share = setup.inFlight === 1 ? 1 / 40 : 1;
  order(warmUp * share);
  const result = setup.measure === "updates per second" ? timed(order, measured * share) : allocated(order);
  process.send?.(result, () => process.exit());
});

function timed(order: (count: number) => void, count: number): number {
  const started = performance.now();
  order(count);
  return (count * 1000) / (performance.now() - started);
}

function allocated(order: (count: number) => void): number {
  globalThis.gc?.();
  const used = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  order(counted);
  return (used() - before) / counted;
}
