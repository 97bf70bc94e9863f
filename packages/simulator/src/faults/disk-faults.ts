import type { Host } from "../world/host.js";
import type { Surroundings } from "../world/seat.js";
import type { Fault } from "./fault.js";

/** Those that befall a disk. */
export type DiskFault = Extract<
  Fault,
  { kind: "slow-disk" | "hung-disk" | "failing-disk" | "lost-disk" | "older-disk" | "flipped-bit" }
>;

/** Whether this costs a node its disk, and the cluster the node. */
export function losesDisk({ kind }: Fault): boolean {
  return kind === "lost-disk" || kind === "older-disk" || kind === "flipped-bit";
}

/** How long it takes until it is looked again whether a disk can be exchanged, in microseconds. */
const retryUs = 200_000;

/** What disks do, and what operators do with them. A majority keeps what it has promised. */
export class DiskFaults {
  constructor(
    private readonly parts: {
      readonly surroundings: Surroundings;
      readonly hosts: readonly Host[];
      /** The node that is ill for good. */
      readonly ill: () => Host | undefined;
      readonly active: () => boolean;
      readonly count: (kind: Fault["kind"]) => void;
      /** Ends something after a time, or when all faults end. */
      readonly lasts: (forUs: number, end: () => void) => void;
      readonly crash: (host: Host, downUs: number) => void;
    },
  ) {}

  /** Carries out one. Those that come later, or not at all, are counted here when they do. */
  inject(fault: DiskFault, host: Host): void {
    const { surroundings, lasts } = this.parts;
    const { disk } = host;
    switch (fault.kind) {
      case "slow-disk": {
        const times = ([low, high]: readonly [number, number]) =>
          [low * fault.factor, high * fault.factor] as const;
        const { writeUs, slowUs } = surroundings.disk;
        disk.conditions = { ...surroundings.disk, writeUs: times(writeUs), slowUs: times(slowUs) };
        return lasts(fault.forUs, () => (disk.conditions = surroundings.disk));
      }
      case "hung-disk":
        return this.#hang(host, fault.forUs);
      case "failing-disk":
        disk.failNext(fault.task);
        return lasts(fault.forUs, () => disk.failNext());
      case "lost-disk":
        return this.#lose(host);
      case "older-disk":
        return this.#age(host, fault.ageUs);
      case "flipped-bit":
        return this.#flip(host, fault.draw, fault.restartUs);
    }
  }

  #hang(host: Host, forUs: number): void {
    const { lasts, crash } = this.parts;
    const { disk } = host;
    disk.hang();
    // For ever means until somebody restarts the machine.
    if (forUs !== Infinity) return lasts(forUs, () => disk.resume());
    lasts(2_000_000, () => {
      host.crash();
      disk.resume();
      crash(host, 1000);
    });
  }

  /** The disk is exchanged for an empty one. */
  #lose(host: Host): void {
    this.#whenRecorded(host, () => {
      this.parts.count("lost-disk");
      this.#exchange(host, () => host.loseDisk());
    });
  }

  /** The disk is exchanged for a copy that was made earlier. */
  #age(host: Host, ageUs: number): void {
    this.#whenRecorded(host, () => {
      const older = host.disk.contents.clone();
      const saves = Number(older.state?.saveNumber ?? 0n);
      // Rule 8 holds for what the others know of: they must have heard of a save that the copy lacks.
      const exchange = () => {
        const known = this.#present.every((other) => other === host || knownSaves(other, host) > saves);
        if (!known) return this.#later(exchange, retryUs);
        if (!this.#canLose(host)) return;
        this.parts.count("older-disk");
        this.#exchange(host, () => host.loseDisk(older));
      };
      this.#later(exchange, ageUs);
    });
  }

  /** A bit flips, and sooner or later somebody restarts the node. */
  #flip(host: Host, draw: number, restartUs: number): void {
    if (!this.#canLose(host) || !host.disk.damage(draw)) return;
    this.parts.count("flipped-bit");
    host.isDamaged = true;
    this.#later(() => {
      host.crash();
      host.start();
    }, restartUs);
  }

  // Rule 8 holds from the moment that everybody is on record with everybody. Before, it is the operator's fault.
  #whenRecorded(host: Host, then: () => void): void {
    const recorded = this.#present.every(
      ({ process, isLost }) => isLost || process?.status()?.storesRecorded === true,
    );
    if (!recorded) return this.#later(() => this.#whenRecorded(host, then), retryUs);
    if (this.#canLose(host)) then();
  }

  /** Those that have not left the cluster. */
  get #present(): Host[] {
    return this.parts.hosts.filter(({ hasLeft }) => !hasLeft);
  }

  /** Whether both quorums remain. A learner that is lost counts as a voter: it may be about to become one. */
  #canLose(host: Host): boolean {
    const { hosts, ill, surroundings } = this.parts;
    const { epochs } = surroundings;
    const { voters, prepareQuorum, acceptQuorum } = epochs.latest;
    const lost = hosts.filter((one) => (one.isLost || one === ill()) && epochs.has(one.id));
    const spare = voters.length - Math.max(prepareQuorum, acceptQuorum);
    return !lost.includes(host) && !host.hasLeft && lost.length + 1 <= spare;
  }

  #exchange(host: Host, lose: () => void): void {
    host.crash();
    lose();
    host.start();
  }

  #later(run: () => void, us: number): void {
    const { surroundings, active } = this.parts;
    surroundings.world.after(us, () => {
      if (active()) run();
    });
  }
}

/** The last save of `peer` that is on record with `host`. */
function knownSaves(host: Host, peer: Host): number {
  const stores = host.disk.contents.state?.peerStores ?? [];
  return Number(stores.find(({ nodeId }) => nodeId === BigInt(peer.id))?.save?.saveNumber ?? 0n);
}
