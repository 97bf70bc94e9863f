import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  decodeClientUpdate,
  MembershipChangeSchema,
  UpdateKind,
  type EpochRecord,
  type Message,
} from "@paxos/proto";
import type { Save } from "../src/ports.js";
import { Random } from "../src/random.js";
import { Cluster, type Member } from "./cluster.js";
import { ReadChecker } from "./read-checker.js";

/** What faults a run has, in chances out of 1,000 per step. */
export interface Profile {
  readonly nodes: number;
  readonly steps: number;
  readonly crash: number;
  readonly loseMessage: number;
  readonly doubleMessage: number;
  readonly partition: number;
  /** That a message overtakes others. */
  readonly reorder: number;
  /**
   * What a partition does. `random` cuts links; `duel` keeps a majority together, cuts the leader off, and
   * lets time pass until others attempt a view; `leapfrog` cuts anybody off, and interrupts the leader that
   * the others elect in the midst of its work.
   */
  readonly partitions: "random" | "duel" | "leapfrog";
  /** That a node takes a snapshot, and perhaps drops its log below. */
  readonly snapshot?: number;
  /** That somebody asks the leader to change the membership, or to hand over. */
  readonly change?: number;
}

/** What a run did, so that an empty one shows. */
export interface Summary {
  ordered: number;
  acknowledged: number;
  crashes: number;
  partitions: number;
  views: number;
  snapshots: number;
  installed: number;
  epochs: number;
  reads: number;
}

/**
 * One run of random faults over real nodes: messages lost, doubled and reordered, saves that take their time,
 * crashes that lose what is not durable, partitions. Throws when a safety rule is broken, or when the cluster
 * does not converge once the faults stop.
 */
export function runFaults(seed: number, profile: Profile): Summary {
  return new Run(seed, profile).go();
}

class Run {
  readonly #random: Random;
  readonly #cluster: Cluster;
  readonly #summary: Summary = {
    ordered: 0,
    acknowledged: 0,
    crashes: 0,
    partitions: 0,
    views: 0,
    snapshots: 0,
    installed: 0,
    epochs: 0,
    reads: 0,
  };
  readonly #reads: ReadChecker;
  /** The one order, as first seen anywhere. */
  readonly #order = new Map<number, string>();
  readonly #proposed = new Set<string>();
  /** The value bound to each view and seq. */
  readonly #bound = new Map<string, string>();
  readonly #acknowledged = new Set<string>();
  readonly #checked = new Map<Member, number>();
  /** Of each node, the highest promise, the last ARU and the last led view that were durable. */
  readonly #durable = new Map<number, { promised: bigint; aru: bigint; led: bigint }>();
  readonly #led = new Map<bigint, number>();
  #changes = 0n;
  #timestamp = 0n;

  constructor(
    seed: number,
    private readonly profile: Profile,
  ) {
    this.#random = new Random(seed);
    const runUpdates = this.#random.between(1, 4);
    const windowUpdates = this.#random.between(runUpdates, 12);
    // Time runs as fast as all nodes tick together: no voter's ticks are too many for it.
    const leaseTicks = this.#chance(500) ? this.#random.between(12, 30) : 0;
    const config = { seed, runUpdates, windowUpdates, catchUpBytes: 64, leaseTicks };
    this.#cluster = new Cluster(profile.nodes, config);
    if (leaseTicks > 0) this.#cluster.nowMs = 0;
    this.#reads = new ReadChecker(this.#cluster);
    this.#cluster.onSaved = (id, save) => this.#checkSave(id, save);
    this.#cluster.onRestored = (id, seq) => this.#onRestored(id, seq);
    this.#cluster.chunkBytes = this.#random.between(20, 400);
    this.#cluster.onDelivered = (message) => this.#checkMessage(message);
    for (const member of this.#cluster.members) member.slowDisk = true;
    if (process.env["PAXOS_LOG"])
      this.#cluster.onLog = (id, line) => process.stderr.write(`${id}: ${line}\n`);
  }

  go(): Summary {
    this.#cluster.start();
    for (let i = 0; i < this.profile.steps; i++) {
      this.#step();
      this.#check();
    }
    try {
      this.#converge();
    } catch (error) {
      throw new Error(`${String(error)}; ${this.#describe()}`, { cause: error });
    }
    return this.#summary;
  }

  #describe(): string {
    const stands = this.#cluster.up.map(({ id }) => {
      const { epoch, role, view, aru, removed, promised, applied } = this.#cluster.status(id);
      return `node ${id} ${removed ? "removed" : role}, epoch ${epoch}, view ${view}, promise ${promised}, ARU ${aru}, applied ${applied}`;
    });
    return stands.join("; ");
  }

  #chance(outOf1000: number): boolean {
    return this.#random.between(1, 1000) <= outOf1000;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.#random.between(0, items.length - 1)];
  }

  #step(): void {
    const cluster = this.#cluster;
    const { crash, partition, loseMessage, doubleMessage } = this.profile;
    if (this.#chance(crash)) this.#crashOrRestart();
    if (this.#chance(partition)) this.#partition();
    if (this.#chance(this.profile.snapshot ?? 0)) this.#takeSnapshot();
    if (this.#chance(this.profile.change ?? 0)) this.#changeSomething();
    const reader = this.#chance(100) ? this.#pick(cluster.up) : undefined;
    if (reader) this.#reads.read(reader);
    const up = this.#pick(cluster.up);
    switch (this.#random.between(0, 9)) {
      case 0:
        if (up) this.#tick(up, this.#chance(50) ? 70 : this.#random.between(1, 12));
        return;
      case 1:
        if (up && this.#random.between(0, 2) > 0) this.#propose(up);
        return;
      case 2:
      case 3:
        if (up) cluster.flush(up.id);
        return;
      default: {
        if (this.profile.change !== undefined && this.#chance(200)) this.#introduceSome();
        const count = cluster.network.length;
        if (count === 0) return;
        // Mostly the oldest first, at times any; a backlog is worked off.
        const index = this.#chance(this.profile.reorder) ? this.#random.between(0, count - 1) : 0;
        if (this.#chance(loseMessage)) cluster.network.splice(index, 1);
        else {
          const message = cluster.network[index];
          if (message && this.#chance(doubleMessage)) cluster.network.push(message);
          cluster.deliver(index);
        }
      }
    }
  }

  #takeSnapshot(): void {
    const member = this.#pick(this.#cluster.up);
    if (member === undefined) return;
    this.#cluster.flush(member.id);
    if (this.#cluster.takeSnapshot(member.id)) this.#summary.snapshots++;
    if (this.#chance(700)) this.#cluster.compact(member.id, this.#random.between(0, 3));
  }

  // What a node has after a restart, or of a peer, is checked from its beginning.
  #onRestored(id: number, seq: number): void {
    const member = this.#cluster.member(id);
    this.#checked.delete(member);
    if (member.node === undefined) this.#reads.forget(member);
    else this.#summary.installed++;
    if (member.applied.length !== seq)
      throw new Error(`node ${id} has ${member.applied.length} for seq ${seq}`);
  }

  /** Asks the leader for a change of the membership, or of the leadership. */
  #changeSomething(): void {
    const cluster = this.#cluster;
    const leader = cluster.member(cluster.leader() ?? 0);
    if (leader.node === undefined) return;
    if (this.#chance(200)) {
      leader.node.transferLeadership(
        this.#chance(300) ? undefined : this.#pick(votersOf(leader.node.epochRecord)),
      );
    } else {
      const type = this.#drawChange(leader.node.epochRecord);
      const change = { changeId: ++this.#changes, force: this.#chance(300), type };
      leader.node.changeMembership(create(MembershipChangeSchema, change));
    }
    cluster.pump(leader.id);
  }

  #drawChange({
    voters,
    learners,
    nextNodeId,
  }: EpochRecord): NonNullable<MessageInitShape<typeof MembershipChangeSchema>["type"]> {
    const all = [...voters, ...learners];
    const nodeId = (this.#pick(all) as (typeof all)[number]).nodeId;
    const isFull = Number(nextNodeId) >= this.profile.nodes + 6;
    const fresh = { nodeId: nextNodeId, address: `node-${nextNodeId}:2346` };
    const learner = this.#pick(learners)?.nodeId ?? 0n;
    switch (this.#random.between(0, 9)) {
      case 0:
      case 1:
        return isFull ? { case: "promote", value: learner } : { case: "addLearner", value: fresh };
      case 2:
      case 3:
        return { case: "promote", value: learner };
      case 4:
        return { case: "demote", value: nodeId };
      case 5:
        return { case: "remove", value: nodeId };
      case 6:
        return isFull
          ? { case: "replace", value: { leaves: nodeId, comes: learner } }
          : { case: "replace", value: { leaves: nodeId, comes: fresh.nodeId, address: fresh.address } };
      case 7: {
        const chosen = all.filter(() => this.#chance(700)).map((member) => ({ nodeId: member.nodeId }));
        const added = isFull || this.#chance(500) ? [] : [fresh];
        return { case: "setMembers", value: { voters: [...chosen, ...added] } };
      }
      case 8: {
        const prepareQuorum = this.#random.between(1, voters.length);
        return {
          case: "setQuorums",
          value: { prepareQuorum, acceptQuorum: voters.length + 1 - prepareQuorum },
        };
      }
      default:
        return { case: "setPriority", value: { nodeId, priority: this.#random.between(0, 3) } };
    }
  }

  /** Connections are made: nodes introduce themselves, and those that are new join. */
  #introduceSome(): void {
    const cluster = this.#cluster;
    const from = this.#pick(cluster.up);
    const to = this.#pick(cluster.up);
    if (from && to && from !== to) cluster.introduce(from.id, to.id);
    const { node } = this.#pick(cluster.up) ?? {};
    if (node !== undefined) this.#joinAll(node.epochRecord);
  }

  #joinAll(record: EpochRecord): void {
    const cluster = this.#cluster;
    for (const { nodeId } of [...record.voters, ...record.learners]) {
      if (cluster.members[Number(nodeId)]?.record === undefined) cluster.join(Number(nodeId), record);
    }
  }

  #tick(member: Member, ticks: number): void {
    for (let i = 0; i < ticks && member.node !== undefined; i++) {
      if (this.#cluster.nowMs !== undefined) this.#cluster.nowMs += 10;
      member.node.tick();
      this.#cluster.pump(member.id);
    }
  }

  #propose(member: Member): void {
    // At times an update once more, through any node.
    const again = this.#chance(200) && this.#timestamp > 0n;
    const timestamp = again ? BigInt(this.#random.between(1, Number(this.#timestamp))) : ++this.#timestamp;
    this.#proposed.add(`7/${timestamp}`);
    this.#cluster.propose(member.id, 7n, timestamp, `${timestamp}`);
  }

  #crashOrRestart(): void {
    const member = this.#pick(this.#cluster.members.filter(({ out, record }) => !out && record)) as Member;
    if (member.node === undefined) {
      this.#checked.delete(member);
      this.#cluster.start(member.id);
      return;
    }
    this.#summary.crashes++;
    // The write under way may have reached the disk without anybody having heard of it.
    if (member.pending !== undefined && this.#chance(500)) {
      member.disk.write(member.pending);
      this.#checkSave(member.id, member.pending);
    }
    this.#cluster.crash(member.id);
    if (this.#chance(200)) for (const { id } of this.#cluster.up) this.#cluster.crash(id);
  }

  #partition(): void {
    const cluster = this.#cluster;
    this.#summary.partitions++;
    cluster.heal();
    if (this.profile.partitions === "leapfrog") return this.#leapfrog();
    if (this.#chance(400)) return;
    if (this.profile.partitions === "duel") {
      const victim = cluster.leader() ?? this.#random.between(0, this.profile.nodes - 1);
      cluster.isolate(victim);
      for (const member of cluster.up) if (member.id !== victim && this.#chance(600)) this.#tick(member, 100);
      return;
    }
    for (const from of cluster.members) {
      for (const to of cluster.members) if (from !== to && this.#chance(250)) cluster.cut(from.id, to.id);
    }
  }

  #leapfrog(): void {
    const cluster = this.#cluster;
    cluster.isolate(this.#random.between(0, this.profile.nodes - 1));
    const member = this.#pick(cluster.members) as Member;
    if (this.#chance(500)) {
      if (member.node !== undefined) this.#summary.crashes++;
      this.#restart(member);
    }
    const rounds = this.#random.between(5, 30);
    for (let round = 0; round < rounds; round++) {
      for (const up of cluster.up) this.#tick(up, this.#random.between(5, 15));
      const deliveries = this.#random.between(0, 40);
      for (let i = 0; i < deliveries && cluster.network.length > 0; i++) {
        cluster.deliver(this.#chance(200) ? this.#random.between(0, cluster.network.length - 1) : 0);
        if (this.#chance(300)) cluster.flush(this.#random.between(0, this.profile.nodes - 1));
      }
      this.#check();
      const leader = cluster.leader();
      if (leader !== undefined && this.#chance(400)) this.#propose(cluster.member(leader));
    }
  }

  #restart(member: Member): void {
    this.#check();
    this.#cluster.crash(member.id);
    this.#checked.delete(member);
    this.#cluster.start(member.id);
  }

  // Faults stop; within a bounded time all nodes agree and order something new.
  #converge(): void {
    const cluster = this.#cluster;
    cluster.heal();
    // From here on all tick at once, and nobody has a clock: leases end, and there are none any more.
    cluster.nowMs = undefined;
    for (const member of cluster.members) member.slowDisk = false;
    for (const member of cluster.members) {
      if (member.node === undefined && !member.out && member.record) cluster.start(member.id);
    }
    for (const member of cluster.up) cluster.flush(member.id);
    cluster.settle();
    if (this.profile.change !== undefined) this.#convergeMembers();
    cluster.elect(3000);
    this.#check();
    this.#summary.epochs = Math.max(...cluster.up.map(({ id }) => cluster.status(id).epoch));
    const timestamp = ++this.#timestamp;
    this.#proposed.add(`7/${timestamp}`);
    const through = (this.#pick(cluster.up) as Member).id;
    const last = `7/${timestamp}`;
    let queued = false;
    cluster.tickUntil(
      () => {
        // Busy at first, or refused by a busy leader: the client tries again.
        if (cluster.member(through).refusals.some((refusal) => key(refusal) === last)) queued = false;
        cluster.member(through).refusals = [];
        if (!queued) queued = cluster.propose(through, 7n, timestamp, `${timestamp}`) === "queued";
        return cluster.up.every((member) => member.applied.some((update) => key(update) === last));
      },
      "everybody has applied a new update",
      3000,
    );
    cluster.tickUntil(
      () => new Set(cluster.up.map(({ id }) => cluster.status(id).aru)).size === 1,
      "equal ARUs",
      1000,
    );
    for (const member of cluster.up) this.#reads.read(member);
    cluster.tickUntil(() => this.#reads.waiting === 0, "all reads are served", 1000);
    this.#summary.reads = this.#reads.served;
    this.#check();
    const values = new Set(this.#order.values());
    for (const acknowledged of this.#acknowledged) {
      if (!values.has(acknowledged)) throw new Error(`acknowledged ${acknowledged} is lost`);
    }
    this.#summary.ordered = this.#order.size;
    this.#summary.acknowledged = this.#acknowledged.size;
    this.#summary.views = this.#led.size;
    for (const member of cluster.up) {
      if (member.applied.length !== this.#order.size) {
        throw new Error(`node ${member.id} applied ${member.applied.length} of ${this.#order.size}`);
      }
    }
  }

  // All that belong to the latest epoch come to know it; all others come to know that they do not.
  #convergeMembers(): void {
    const cluster = this.#cluster;
    const inStep = () => {
      const epochs = cluster.up.map(({ id }) => cluster.status(id).epoch);
      const level = cluster.up.every(({ id }) => !cluster.status(id).removed);
      return level && new Set(epochs).size === 1 && cluster.leader() !== undefined;
    };
    for (let round = 0; !inStep(); round++) {
      if (round === 100) {
        throw new Error("the nodes do not come to one epoch");
      }
      const latest = cluster.up.reduce((a, b) =>
        cluster.status(b.id).epoch > cluster.status(a.id).epoch ? b : a,
      );
      if (latest.node !== undefined) this.#joinAll(latest.node.epochRecord);
      for (const from of cluster.members) {
        for (const to of cluster.members) if (from !== to) cluster.introduce(from.id, to.id);
      }
      for (const { id } of cluster.up) if (cluster.status(id).retired) this.#letGo(id);
      for (const member of cluster.members) member.slowDisk = false;
      for (const { id } of cluster.up) cluster.flush(id);
      cluster.tick(50);
      this.#check();
    }
  }

  #letGo(id: number): void {
    this.#cluster.member(id).out = true;
    this.#cluster.crash(id);
  }

  // One order on all nodes; only what was proposed; no gaps; what a node has applied it acknowledges to its
  // clients.
  #check(): void {
    for (const member of this.#cluster.members) {
      if (member.node === undefined) continue;
      for (let i = this.#checked.get(member) ?? 0; i < member.applied.length; i++) {
        const update = member.applied[i] as Member["applied"][number];
        if (update.seq !== i + 1)
          throw new Error(`node ${member.id} applied seq ${update.seq} as number ${i + 1}`);
        const value = update.noop ? `noop ${digest(update.update)}` : key(update);
        if (!update.noop && !this.#proposed.has(value)) throw new Error(`${value} was never proposed`);
        const known = this.#order.get(update.seq);
        if (known !== undefined && known !== value) {
          throw new Error(`node ${member.id} has ${value} at seq ${update.seq}, another has ${known}`);
        }
        this.#order.set(update.seq, value);
        if (!update.noop) this.#acknowledged.add(value);
      }
      this.#checked.set(member, member.applied.length);
    }
  }

  // Promises and marks never go back; each view is led once.
  #checkSave(id: number, { state }: Save): void {
    const { localAru: aru } = state;
    const epoch = state.epochRecord?.epoch ?? 0n;
    const promised = ballot(epoch, state.promisedView);
    const before = this.#durable.get(id);
    const ledBefore = before?.led ?? 0n;
    const kept = ledBefore < ballot(epoch, 0n) ? ledBefore : 0n;
    const led = state.ledView === undefined ? kept : ballot(epoch, state.ledView);
    if (before && (promised < before.promised || aru < before.aru || led < before.led)) {
      throw new Error(
        `node ${id} saved promise ${promised}, ARU ${aru}, led ${led} after ${JSON.stringify(before, String)}`,
      );
    }
    this.#durable.set(id, { promised, aru, led });
    if (led > 0n && (this.#led.get(led) ?? id) !== id) throw new Error(`view ${led} is led twice`);
    if (led > 0n) this.#led.set(led, id);
  }

  // Nothing leaves a node before it is durable; one value per view and seq.
  #checkMessage(message: Message): void {
    const durable = this.#durable.get(Number(message.from)) ?? { promised: 0n, led: 0n };
    const { type, epoch } = message;
    const promised = (view: bigint, what: string) => {
      if (view > 0n && durable.promised < ballot(epoch, view))
        throw new Error(`${what} of view ${view} was not durable`);
    };
    if (type.case === "accept") promised(type.value.view, "an acceptance");
    if (type.case === "prepareOk") promised(type.value.view, "a promise");
    if (type.case === "heartbeat") promised(type.value.promisedView, "a heartbeat's promise");
    const leading = type.case === "heartbeat" && (type.value.leading || type.value.preparing);
    if (type.case === "prepare" || type.case === "proposal" || leading) {
      const view = type.value.view;
      if (durable.led < ballot(epoch, view)) throw new Error(`a ${type.case} of view ${view} left too early`);
    }
    if (type.case !== "proposal") return;
    type.value.updates.forEach((bytes, i) => {
      const place = `${epoch}:${type.value.view}:${Number(type.value.seq) + i}`;
      const fields = decodeClientUpdate(bytes);
      const value = fields.kind === UpdateKind.STOP_SIGN ? digest(fields.update) : key(fields);
      const known = this.#bound.get(place);
      if (known !== undefined && known !== value)
        throw new Error(`${place} is bound to ${known} and to ${value}`);
      this.#bound.set(place, value);
    });
  }
}

/** Ballots as numbers that compare as they do. */
function ballot(epoch: bigint, view: bigint): bigint {
  return (epoch << 32n) + view;
}

function digest(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function votersOf({ voters }: EpochRecord): number[] {
  return voters.map(({ nodeId }) => Number(nodeId));
}

function key(update: { clientId: bigint; timestamp: bigint }): string {
  return `${update.clientId}/${update.timestamp}`;
}
