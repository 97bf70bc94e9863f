import { Random } from "../random.js";
import type { Network } from "../world/network.js";
import type { PartitionShape } from "./fault.js";

/** A partition's place: who there is, whom it befalls, who leads. */
interface Site {
  readonly network: Network;
  readonly nodes: number;
  readonly target: number;
  readonly leader: number | undefined;
  /** The seed of what the shape leaves open. */
  readonly draw: number;
}

/** Cuts the links that this shape cuts, in the name of `owner`. */
export function partition(owner: object, shape: PartitionShape, site: Site): void {
  const { network, nodes, target, leader } = site;
  const random = new Random(site.draw);
  const ids = Array.from({ length: nodes }, (_, id) => id);
  const others = ids.filter((id) => id !== target);
  const cutAll = (separates: (from: number, to: number) => boolean) => {
    for (const from of ids) for (const to of ids) if (separates(from, to)) network.cut(owner, from, to);
  };
  switch (shape) {
    case "isolated":
      return cutAll((from, to) => from === target || to === target);
    case "mute":
      return cutAll((from) => from === target);
    case "deaf":
      return cutAll((_, to) => to === target);
    case "one-way-link": {
      const other = random.pick(others) ?? target;
      return random.chance(500) ? network.cut(owner, target, other) : network.cut(owner, other, target);
    }
    case "unheard-by-one": {
      const other = random.pick(others) ?? target;
      return network.cut(owner, target, other);
    }
    case "halves": {
      const minority = new Set([
        target,
        ...shuffle(others, random).slice(0, random.between(0, Math.max(0, ((nodes - 1) >> 1) - 1))),
      ]);
      return cutAll((from, to) => minority.has(from) !== minority.has(to));
    }
    case "holes": {
      const perMille = random.between(100, 600);
      return cutAll(() => random.chance(perMille));
    }
    case "scattered":
      return cutAll(() => true);
    case "star":
      return cutAll((from, to) => from !== target && to !== target);
    case "chain": {
      const chain = [target, ...shuffle(others, random)];
      return cutAll((from, to) => Math.abs(chain.indexOf(from) - chain.indexOf(to)) > 1);
    }
    case "star-without-leader":
      return cutAll((from, to) => from === leader || to === leader || (from !== target && to !== target));
  }
}

function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.between(0, i);
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  return shuffled;
}
