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

let current: NodeGlobals = { now: RealDate.now, random: { next: () => 0 } as Random };

// A Proxy, not a subclass: dates made elsewhere are instances too, and without `new` it gives text.
const NodeDate = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [current.now()] : args, newTarget) as Date,
  apply: () => new RealDate(current.now()).toString(),
  get: (target, key) => (key === "now" ? () => current.now() : (Reflect.get(target, key) as unknown)),
});

/** Calls a function with the globals of a node: `Date`, `Math.random`, `performance.now`. */
export function withGlobalsOf<T>(node: NodeGlobals, call: () => T): T {
  const leave = enter(node);
  try {
    return call();
  } finally {
    leave();
  }
}

/** The same until what the function gives is settled. */
export async function awaitWithGlobalsOf<T>(node: NodeGlobals, call: () => T | PromiseLike<T>): Promise<T> {
  const leave = enter(node);
  try {
    return await call();
  } finally {
    leave();
  }
}

interface Visit {
  readonly node: NodeGlobals;
}

/** Who is inside; who came last counts. */
const inside: Visit[] = [];
let leaveWorld: () => void = () => undefined;

function enter(node: NodeGlobals): () => void {
  const visit = { node };
  if (inside.length === 0) leaveWorld = replaceGlobals();
  inside.push(visit);
  current = node;
  return () => {
    inside.splice(inside.indexOf(visit), 1);
    const last = inside.at(-1);
    if (last === undefined) leaveWorld();
    else current = last.node;
  };
}

/** Gives what puts back those that were there. */
function replaceGlobals(): () => void {
  const found = { date: globalThis.Date, random: Math.random };
  const foundNow = Object.getOwnPropertyDescriptor(performance, "now");
  globalThis.Date = NodeDate;
  Math.random = () => current.random.next() / 2 ** 32;
  performance.now = () => current.now() % 1e9;
  return () => {
    globalThis.Date = found.date;
    Math.random = found.random;
    if (foundNow === undefined) Reflect.deleteProperty(performance, "now");
    else Object.defineProperty(performance, "now", foundNow);
  };
}
