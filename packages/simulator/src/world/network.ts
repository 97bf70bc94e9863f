import type { Identity } from "@paxos/core";
import { decodeMessage, encodeMessage, type Message } from "@paxos/proto";
import type { Random } from "../random.js";
import type { World } from "./world.js";

/** What links between machines are like. */
export interface NetworkConditions {
  /** What a message takes, in microseconds: evenly drawn. */
  readonly delayUs: readonly [number, number];
  /** Chance in 1,000 that one takes longer. */
  readonly lagPerMille: number;
  /** What it takes then. */
  readonly lagUs: readonly [number, number];
  /** Chance in 1,000 that one is lost. */
  readonly lossPerMille: number;
  /** Chance in 1,000 that one arrives twice. */
  readonly doublePerMille: number;
  /** Whether a message may overtake others of its link. */
  readonly reorders: boolean;
  /** Bytes per millisecond of each link. */
  readonly bandwidth: number;
}

interface Link {
  readonly from: number;
  readonly to: number;
  readonly random: Random;
  /** Overrides the network's conditions. */
  conditions: NetworkConditions | undefined;
  /** Who wants it cut. */
  readonly cuts: Set<object>;
  /** When the last message will have left the sender. */
  free: number;
  /** When the last one arrives, where none overtakes another. */
  lastArrival: number;
}

/** How long a link's queue may get before messages are dropped, in microseconds until they would leave. */
const queueUs = 2_000_000;

/** One-way links between all nodes. */
export class Network {
  conditions: NetworkConditions;
  sent = 0;
  lost = 0;
  doubled = 0;
  readonly #links = new Map<number, Link>();

  constructor(
    private readonly world: World,
    conditions: NetworkConditions,
    /** Whether messages travel as bytes. Else the same object arrives, which costs less. */
    private readonly encodes: boolean,
    private readonly deliver: (from: number, to: number, message: Message, sender: Identity) => void,
  ) {
    this.conditions = conditions;
  }

  /** Loses what `from` sends to `to`, until {@link heal} is called by the same owner. */
  cut(owner: object, from: number, to: number): void {
    if (from !== to) this.#link(from, to).cuts.add(owner);
  }

  heal(owner: object): void {
    for (const link of this.#links.values()) link.cuts.delete(owner);
  }

  isCut(from: number, to: number): boolean {
    return this.#link(from, to).cuts.size > 0;
  }

  /** Gives one link conditions of its own, or takes them back. */
  setLink(from: number, to: number, conditions: NetworkConditions | undefined): void {
    this.#link(from, to).conditions = conditions;
  }

  /** Everything that lets one link differ from another ends. */
  reset(): void {
    for (const link of this.#links.values()) {
      link.conditions = undefined;
      link.free = Math.min(link.free, this.world.now);
    }
  }

  /** `sender`: the process that sends it, as it has introduced itself. */
  send(from: number, to: number, message: Message, sender: Identity): void {
    this.sent++;
    const { world } = this;
    const link = this.#link(from, to);
    const { lossPerMille, doublePerMille, bandwidth } = link.conditions ?? this.conditions;
    if (link.cuts.size > 0 || link.random.chance(lossPerMille) || link.free > world.now + queueUs) {
      this.lost++;
      return;
    }
    link.free = Math.max(link.free, world.now) + Math.floor((sizeOf(message) * 1000) / bandwidth);
    const bytes = this.encodes ? encodeMessage(message) : undefined;
    const copies = link.random.chance(doublePerMille) ? 2 : 1;
    if (copies === 2) this.doubled++;
    for (let i = 0; i < copies; i++) {
      world.after(this.#arrival(link) - world.now, () =>
        this.deliver(from, to, bytes === undefined ? message : decodeMessage(bytes), sender),
      );
    }
  }

  #arrival(link: Link): number {
    const { delayUs, lagPerMille, lagUs, reorders } = link.conditions ?? this.conditions;
    const [low, high] = link.random.chance(lagPerMille) ? lagUs : delayUs;
    const arrival = link.free + link.random.between(low, high);
    if (reorders) return arrival;
    link.lastArrival = Math.max(link.lastArrival, arrival);
    return link.lastArrival;
  }

  #link(from: number, to: number): Link {
    const key = from * 1024 + to;
    let link = this.#links.get(key);
    if (link === undefined) {
      const random = this.world.random.fork(`link ${from} ${to}`);
      link = { from, to, random, conditions: undefined, cuts: new Set(), free: 0, lastArrival: 0 };
      this.#links.set(key, link);
    }
    return link;
  }
}

/** About what a message takes on the wire. */
function sizeOf({ type }: Message): number {
  const envelope = 48;
  if (type.case === "clientUpdate") return envelope + type.value.length;
  if (type.case === "snapshotChunk") return envelope + type.value.data.length;
  if (type.case === "proposal" || type.case === "catchUpAnswer") return envelope + sumOf(type.value.updates);
  if (type.case !== "prepareOk") return envelope;
  return type.value.dataList.reduce((sum, message) => sum + sizeOf(message), envelope);
}

function sumOf(updates: readonly Uint8Array[]): number {
  let sum = 0;
  for (const update of updates) sum += update.length + 2;
  return sum;
}
