// Leaders that are replaced behind their backs, and are asked for reads all the while.
import type { Member } from "@paxos/proto";
import { Random } from "../random.js";
import type { Host } from "../world/host.js";
import type { Network, NetworkConditions } from "../world/network.js";
import type { World } from "../world/world.js";
import type { Fault } from "./fault.js";
import type { Operators } from "./operators.js";

/** What a usurpation needs of the injector. */
export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly hosts: readonly Host[];
  readonly operators: Operators;
  /** What the network is like at other times. */
  readonly usualNetwork: NetworkConditions;
  readonly active: () => boolean;
  lasts(forUs: number, end: () => void): void;
  /** Has its timers expire. Alone: see SimulatedClock.tickNow. */
  hurry(host: Host, ticks: number, alone?: boolean): void;
  crash(host: Host, downUs: number): void;
}

type Usurpation = Fault & { readonly kind: "usurp" };

const ms = 1_000;

/** Half of the longest progress timeout that profiles draw, and some. */
const longestLeaseUs = 500 * ms;

/** What a leader is left with, who hears it and not always in time: late words of the past, and of a present that is another's. */
const lateLinks = {
  lagPerMille: 500,
  lagUs: [5 * ms, 800 * ms],
  reorders: true,
  lossPerMille: 100,
} as const satisfies Partial<NetworkConditions>;

export function usurp({ how, forUs, draw }: Usurpation, leader: Host, parts: Surroundings): void {
  const random = new Random(draw);
  // Of two nodes nobody can replace the other.
  if ((leader.process?.epochRecord?.voters.length ?? 0) < 3) {
    parts.operators.letJoin();
    return parts.operators.grow(leader);
  }
  const cuts = new Cuts(leader, parts);
  const { witnesses, others } = divide(leader, parts.hosts, random);
  const soon = (run: () => void, highMs: number) =>
    parts.world.after(random.between(0, highMs * ms), () => parts.active() && run());
  parts.lasts(forUs, () => cuts.end());
  switch (how) {
    case "late-witnesses":
      // Timers expire at once, those of its witnesses too: they promise a higher view, and still are asked about this one.
      cuts.cutOff(new Set(witnesses));
      cuts.delay(witnesses);
      for (const host of [...witnesses, ...others])
        soon(() => parts.hurry(host, random.between(20, 120)), 20);
      return;
    case "restarted-witnesses":
      return restartWitnesses(cuts, { witnesses, others, random, parts });
    case "asleep":
      // It wakes before it hears anything.
      cuts.cutOff(new Set());
      leader.process?.life.pause(parts.world.now + Math.floor((forUs * random.between(500, 950)) / 1000));
      return;
    case "handing-over":
      parts.operators.transfer(leader, random.next());
      return soon(() => cuts.cutOff(new Set()), 20);
    case "changing":
      parts.operators.letJoin();
      if (random.chance(800)) {
        parts.operators.change(leader, random.next());
        return soon(() => cuts.deafen(new Set(witnesses)), 5);
      }
      // The next epoch is that of the others alone. Those that go on hearing it say so, but do not get to accept that, nor to hear of it.
      cuts.deafen(new Set(witnesses));
      cuts.hide(others, witnesses);
      for (const { disk } of witnesses) {
        disk.hang();
        parts.lasts(forUs, () => disk.resume());
      }
      parts.operators.setMembers(
        leader,
        others.map(({ id }) => id),
      );
      return;
  }
}

/**
 * The others would replace the leader, and cannot while its witnesses hear it. Then those forget what they heard; of the others, no lease is
 * left by then.
 */
function restartWitnesses(
  cuts: Cuts,
  scene: {
    readonly witnesses: readonly Host[];
    readonly others: readonly Host[];
    readonly random: Random;
    readonly parts: Surroundings;
  },
): void {
  const { witnesses, others, random, parts } = scene;
  cuts.cutOff(new Set(witnesses));
  parts.world.after(longestLeaseUs, () => {
    if (!parts.active()) return;
    cuts.cutOff(new Set());
    for (const host of witnesses) parts.crash(host, random.between(1, 20) * ms);
    for (const host of others) parts.hurry(host, random.between(40, 120), true);
  });
}

/**
 * Who goes on hearing the leader, and who does not. With its witnesses it has a quorum; the others are to be able to replace it with their
 * help. Now and then the witnesses are learners, which are in no quorum.
 */
function divide(
  leader: Host,
  hosts: readonly Host[],
  random: Random,
): { readonly witnesses: readonly Host[]; readonly others: readonly Host[] } {
  const record = leader.process?.epochRecord;
  const among = (members: readonly Member[] = []) => {
    const ids = new Set(members.map(({ nodeId }) => Number(nodeId)));
    const those = hosts.filter((host) => host !== leader && host.isUp && ids.has(host.id));
    return shuffled(those, random);
  };
  const voters = among(record?.voters);
  const learners = among(record?.learners);
  if (learners.length > 0 && random.chance(400)) return { witnesses: learners, others: voters };
  const needed = Math.max(1, (record?.acceptQuorum ?? 1) - 1);
  return { witnesses: voters.slice(0, needed), others: voters.slice(needed) };
}

/** What separates a leader from others, until it ends. */
class Cuts {
  readonly #owner = {};
  readonly #delayed: [from: number, to: number][] = [];

  constructor(
    private readonly leader: Host,
    private readonly parts: Pick<Surroundings, "network" | "hosts" | "usualNetwork">,
  ) {}

  /** Nobody hears it, and it hears nobody, but these. */
  cutOff(witnesses: ReadonlySet<Host>): void {
    this.deafen(witnesses);
    for (const host of this.#except(witnesses)) this.parts.network.cut(this.#owner, this.leader.id, host.id);
  }

  /** It hears nobody but these. */
  deafen(witnesses: ReadonlySet<Host>): void {
    for (const host of this.#except(witnesses)) this.parts.network.cut(this.#owner, host.id, this.leader.id);
  }

  /** These are not heard by those. */
  hide(these: readonly Host[], those: readonly Host[]): void {
    for (const { id: from } of these)
      for (const { id: to } of those) this.parts.network.cut(this.#owner, from, to);
  }

  /** What these and the leader say to each other is late. */
  delay(hosts: readonly Host[]): void {
    const { network, usualNetwork } = this.parts;
    for (const { id } of hosts) {
      this.#delayed.push([id, this.leader.id], [this.leader.id, id]);
    }
    for (const [from, to] of this.#delayed) network.setLink(from, to, { ...usualNetwork, ...lateLinks });
  }

  end(): void {
    const { network } = this.parts;
    network.heal(this.#owner);
    for (const [from, to] of this.#delayed) network.setLink(from, to, undefined);
  }

  #except(witnesses: ReadonlySet<Host>): readonly Host[] {
    return this.parts.hosts.filter((host) => host !== this.leader && !witnesses.has(host));
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
