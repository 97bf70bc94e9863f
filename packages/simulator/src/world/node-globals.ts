// What a state machine must not use. While one is applying an update these give it what they would give it in
// production: each node its own clock, and randomness of its own. From a seed, so that a bug found is found
// again.
import type { Random } from "../random.js";

/** A node's own idea of the world. */
export interface NodeGlobals {
  /** Milliseconds since 1970, by this node's clock. */
  now(): number;
  readonly random: Random;
}

const RealDate = Date;
const { random: realRandom } = Math;
const realPerformanceNow = performance.now.bind(performance);

let current: NodeGlobals = { now: RealDate.now, random: { next: () => 0 } as Random };

class NodeDate extends RealDate {
  constructor(...args: []) {
    if (args.length === 0) super(current.now());
    else super(...args);
  }

  static override now(): number {
    return current.now();
  }
}

/** Calls a function with the globals of a node: `Date`, `Math.random`, `performance.now`. */
export function withGlobalsOf<T>(node: NodeGlobals, call: () => T): T {
  current = node;
  globalThis.Date = NodeDate as DateConstructor;
  Math.random = () => current.random.next() / 2 ** 32;
  performance.now = () => current.now() % 1e9;
  try {
    return call();
  } finally {
    globalThis.Date = RealDate;
    Math.random = realRandom;
    performance.now = realPerformanceNow;
  }
}
