import { StorageHealth } from "@paxos/proto";
import { Random } from "../random.js";
import type { Host } from "../world/host.js";
import type { Surroundings } from "../world/seat.js";
import type { NetworkConditions } from "../world/network.js";
import type { Fault, Illness, PlannedFault, Target } from "./fault.js";
import { DiskFaults, losesDisk } from "./disk-faults.js";
import { partition } from "./partitions.js";
import { mostJoiners, type Operators } from "./operators.js";
import { usurp } from "./usurpations.js";
import type { Transfers } from "./transfers.js";

/** Makes things go wrong, as planned, until told to stop. */
export class Injector {
  /** How often each kind of fault came. */
  readonly counts = new Map<string, number>();
  /** A fault that expects something has come. */
  onExpectation: (planned: PlannedFault) => void = () => undefined;
  #active = true;
  readonly #usualNetwork: NetworkConditions;
  /** What ends the faults that last. */
  readonly #ends = new Set<() => void>();
  readonly #random: Random;
  readonly #disks: DiskFaults;
  #ill: Host | undefined;

  constructor(
    private readonly surroundings: Surroundings,
    private readonly hosts: readonly Host[],
    private readonly transfers: Transfers,
    private readonly operators: Operators,
  ) {
    this.#disks = new DiskFaults({
      surroundings,
      hosts,
      ill: () => this.#ill,
      active: () => this.#active,
      count: (kind) => this.#count(kind),
      lasts: (forUs, end) => this.#lasts(forUs, end),
      crash: (host, downUs) => this.#crash(host, downUs),
    });
    this.#usualNetwork = surroundings.network.conditions;
    this.#random = surroundings.world.random.fork("injector");
  }

  /** Schedules a plan. Faults keep their numbers: those left out are only not done. */
  schedule(plan: readonly PlannedFault[], chosen: ReadonlySet<number> | undefined, untilUs: number): void {
    const { world } = this.surroundings;
    plan.forEach((planned, number) => {
      if (planned.at >= untilUs || chosen?.has(number) === false) return;
      world.after(planned.at, () => {
        if (this.#active) this.#inject(planned, number);
      });
    });
  }

  /** What one node suffers from for good. */
  infect(host: Host, illness: Illness): void {
    const { hosts } = this;
    const { network } = this.surroundings;
    const owner = { illness };
    this.#ill = host;
    this.#count(`${illness}-node`);
    if (illness === "stuck") return host.disk.hang();
    // Who joins later does not hear it, or is not heard, either.
    for (let id = 0; id < hosts.length + mostJoiners; id++) {
      if (illness === "deaf") network.cut(owner, id, host.id);
      else network.cut(owner, host.id, id);
    }
  }

  /** Ends all faults. What is down is started. */
  stop(): void {
    this.#active = false;
    for (const end of this.#ends) end();
    this.#ends.clear();
    this.surroundings.network.reset();
    for (const host of this.hosts) {
      host.tickRate = host.usualTickRate = 1000;
      host.disk.failNext();
      const failed = host.process?.status()?.storageHealth === StorageHealth.FAILED;
      if (failed || host.isDamaged || host.process?.closing === true) host.crash();
      if (host.process !== undefined) host.process.life.fuse = Infinity;
      if (!host.isOut) host.start();
    }
  }

  /** Carries out one fault. */
  inject(fault: Fault): void {
    const { network } = this.surroundings;
    if (fault.kind === "crash-all") {
      this.#count(fault.kind);
      for (const host of this.hosts) this.#crash(host, fault.downUs);
      return;
    }
    if (fault.kind === "storm") {
      this.#count(fault.kind);
      network.conditions = { ...this.#usualNetwork, ...fault.conditions };
      return this.#lasts(fault.forUs, () => (network.conditions = this.#usualNetwork));
    }
    const host = this.#resolve(fault.kind === "usurp" ? "leader" : fault.target);
    if (host === undefined) return;
    // To what is down already these do nothing, and what does nothing does not count. Losses of disks count when they come.
    const needsProcess = [
      "crash",
      "stop",
      "pause",
      "hurry",
      "snapshot",
      "change",
      "hand-over",
      "usurp",
    ].includes(fault.kind);
    if (!losesDisk(fault) && (host.isUp || !needsProcess)) this.#count(fault.kind);
    this.#befall(fault, host);
  }

  #befall(fault: Exclude<Fault, { kind: "crash-all" | "storm" }>, host: Host): void {
    const { hosts } = this;
    const { world, network } = this.surroundings;
    switch (fault.kind) {
      case "crash":
        if (fault.afterEffects === undefined || host.process === undefined) {
          return this.#crash(host, fault.downUs);
        }
        host.process.life.fuse = fault.afterEffects;
        return this.#restartWhenDown(host, fault.downUs);
      case "stop":
        host.stop();
        return this.#restartWhenDown(host, fault.downUs);
      case "pause":
        return host.process?.life.pause(world.now + fault.forUs);
      case "hurry":
        return this.#hurry(host, fault.ticks);
      case "skew": {
        host.tickRate = fault.rate;
        return this.#lasts(fault.forUs, () => (host.tickRate = host.usualTickRate));
      }
      case "partition": {
        const owner = {};
        const leader = this.#leader()?.id;
        partition(owner, fault.shape, {
          network,
          nodes: hosts.length,
          target: host.id,
          leader,
          draw: fault.draw,
        });
        return this.#lasts(fault.forUs, () => network.heal(owner));
      }
      case "duel":
        return this.#duel(fault, host);
      case "usurp":
        return this.#usurp(fault, host);
      case "slow-links": {
        const conditions = { ...this.#usualNetwork, ...fault.conditions };
        const set = (value: NetworkConditions | undefined) => {
          for (const { id } of hosts) {
            if (id === host.id) continue;
            network.setLink(id, host.id, value);
            network.setLink(host.id, id, value);
          }
        };
        set(conditions);
        return this.#lasts(fault.forUs, () => set(undefined));
      }
      case "slow-disk":
      case "hung-disk":
      case "failing-disk":
      case "lost-disk":
      case "older-disk":
      case "flipped-bit":
        return this.#disks.inject(fault, host);
      case "snapshot":
        return host.process?.takeSnapshot();
      case "change":
        this.operators.letJoin();
        return this.operators.change(host, fault.draw);
      case "hand-over":
        return this.operators.transfer(host, fault.draw);
    }
  }

  #inject(planned: PlannedFault, number: number): void {
    const { world } = this.surroundings;
    world.trace.note("F", number);
    if (world.trace.verbose) world.trace.line(`FAULT ${number}: ${JSON.stringify(planned.fault)}`);
    this.inject(planned.fault);
    if (planned.expects !== undefined) this.onExpectation(planned);
  }

  #count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  #leader(): Host | undefined {
    let leader: { host: Host; view: number } | undefined;
    for (const host of this.hosts) {
      const view = host.leads;
      if (view !== undefined && (leader === undefined || view > leader.view)) leader = { host, view };
    }
    return leader?.host;
  }

  #resolve(target: Target): Host | undefined {
    const { hosts } = this;
    if (target === "sender" || target === "receiver") return hosts[this.transfers.node(target) ?? -1];
    if (typeof target === "number") return hosts[target % hosts.length];
    // Drawn in any case, so that the same numbers follow.
    const random = this.#random.next();
    const leader = target === "anybody" ? undefined : this.#leader();
    if (target === "leader" && leader !== undefined) return leader;
    const others = hosts.filter((host) => host !== leader);
    return others[random % others.length] ?? hosts[0];
  }

  // Ends after a time, or when all faults end.
  #lasts(forUs: number, end: () => void): void {
    const { world } = this.surroundings;
    const once = () => {
      if (!this.#ends.delete(once)) return;
      if (world.trace.verbose) world.trace.line("a fault ends");
      end();
    };
    this.#ends.add(once);
    if (forUs !== Infinity) world.after(forUs, once);
  }

  #crash(host: Host, downUs: number): void {
    host.crash();
    this.#startAfter(host, downUs);
  }

  #startAfter(host: Host, downUs: number): void {
    this.surroundings.world.after(downUs, () => {
      if (this.#active && !host.isOut) host.start();
    });
  }

  // It ends by itself, some time.
  #restartWhenDown(host: Host, downUs: number): void {
    const { process } = host;
    const poll = () => {
      if (!this.#active) return;
      if (host.process !== process) return this.#startAfter(host, downUs);
      this.surroundings.world.after(50_000, poll);
    };
    poll();
  }

  // Ticks within a moment, not at one: other things happen meanwhile.
  #hurry(host: Host, ticks: number, alone = false): void {
    const { process } = host;
    const tick = (left: number) => {
      if (left === 0 || host.process !== process) return;
      process?.tickNow(alone);
      this.surroundings.world.after(this.#random.between(5, 300), () => tick(left - 1));
    };
    tick(ticks);
  }

  #usurp(fault: Fault & { kind: "usurp" }, leader: Host): void {
    if (leader.leads === undefined) return;
    const { world, network } = this.surroundings;
    usurp(fault, leader, {
      world,
      network,
      hosts: this.hosts,
      operators: this.operators,
      usualNetwork: this.#usualNetwork,
      active: () => this.#active,
      lasts: (forUs, end) => this.#lasts(forUs, end),
      hurry: (host, ticks, alone) => this.#hurry(host, ticks, alone),
      crash: (host, downUs) => this.#crash(host, downUs),
    });
  }

  #duel({ forUs, ticks, rounds, draw }: Fault & { kind: "duel" }, target: Host): void {
    const { hosts } = this;
    const { world, network } = this.surroundings;
    const random = new Random(draw);
    const owner = {};
    partition(owner, "isolated", {
      network,
      nodes: hosts.length,
      target: target.id,
      leader: undefined,
      draw,
    });
    this.#lasts(forUs, () => network.heal(owner));
    for (let round = 0; round < rounds; round++) {
      for (const host of hosts) {
        if (host === target ? !random.chance(200) : !random.chance(700)) continue;
        const wait = Math.floor((forUs * round) / rounds) + random.between(0, 20_000);
        const count = random.between(1, ticks);
        world.after(wait, () => {
          if (this.#active) this.#hurry(host, count);
        });
      }
    }
  }
}
