import { Assembly, type RunOptions } from "./assembly.js";
import { calmDisk, calmNetwork } from "./conditions.js";
import { overgrowth } from "./disk-bounds.js";
import { votersOf } from "./checkers/epochs.js";
import type { RunSummary } from "./summary.js";
import type { Process } from "./world/process.js";

const second = 1_000_000;
const minCalls = 300;

/** One run: the cluster forms, faults come and go, everything must recover, a leader is lost in calm weather. */
export class Run {
  readonly #parts: Assembly;
  #recoveryTicks = 0;
  #undecided = 0;

  constructor(options: RunOptions) {
    this.#parts = new Assembly(options);
  }

  /** What is wrong, if anything is. */
  get finding() {
    return this.#parts.world.finding;
  }

  async go(): Promise<void> {
    await this.#sufferFaults();
    await this.#recover();
    await this.#loseLeader();
    await this.#end();
  }

  summary(): RunSummary {
    const { world, calls, readers, injector, options, nodes, network, bound, delivered, epochs } =
      this.#parts;
    const { ordered, rejected, unknown, retries, all } = calls;
    const { taken, installed, compactions } = this.#parts.compaction;
    const counts = [...injector.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      seed: options.seed,
      profile: options.profile.name,
      nodes,
      traceHash: world.trace.hash,
      virtualMs: Math.floor(world.now / 1000),
      steps: world.steps,
      ticks: world.ticks,
      messages: {
        sent: network.sent,
        delivered,
        lost: network.lost,
        doubled: network.doubled,
      },
      saves: world.saves,
      snapshots: { taken, installed, compactions },
      reads: readers.served,
      operations: { issued: all.length, ordered, rejected, unknown, retries },
      faults: counts.reduce((sum, [, count]) => sum + count, 0),
      faultsByKind: Object.fromEntries(counts),
      epochs: Number(epochs.latest.epoch) + 1,
      views: bound.views,
      ordered: bound.chosenUpTo,
      recoveryTicks: this.#recoveryTicks,
      undecided: this.#undecided,
    };
  }

  async #sufferFaults(): Promise<void> {
    const { world, hosts, ill, injector, expectations, plan, faultsUntil, options } = this.#parts;
    const { profile, faults } = options;
    injector.onExpectation = (planned) => expectations.watch(planned);
    injector.schedule(plan, faults, faultsUntil);
    for (const host of hosts) world.after(host.random.between(0, 200_000), () => host.start());
    if (profile.illness !== undefined && ill !== undefined) injector.infect(ill, profile.illness);
    await world.run(faultsUntil);
  }

  // Faults stop. Within a stated time all nodes agree, have answered everybody who waits, and order new updates.
  async #recover(): Promise<void> {
    const { world, injector, network, hosts, clients, standing, calls, progressTicks, tickUs, operators } =
      this.#parts;
    const { bound, epochs } = this.#parts;
    if (world.finding !== undefined) return;
    injector.stop();
    network.conditions = calmNetwork;
    for (const host of hosts) host.disk.become(calmDisk);
    const { healthy } = standing;
    for (const host of hosts) if (!healthy.includes(host)) clients.avoided.add(host);
    clients.becomePatient();
    const from = world.now;
    if (world.trace.verbose) world.trace.line("ALL FAULTS END");
    // A capped timeout (8 timeouts and a jitter), and what three more elections and the catching-up take.
    // Who joins only now has everything to catch up with, little by little.
    const joins = Number(epochs.latest.epoch) > 0 ? 1000 + bound.chosenUpTo : 0;
    const limit = this.#ticks(16 * progressTicks + 400 + joins);
    await this.#within(limit, "recovery", () => {
      for (const host of operators.letJoin()) host.disk.become(calmDisk);
      const { agreesOnLeader, lostDisksAreOut, removedAreOut, healthy } = standing;
      if (!agreesOnLeader || !lostDisksAreOut || !removedAreOut || !standing.answeredAllUntil(from))
        return false;
      return standing.appliedSince(from, healthy) === healthy.length;
    });
    this.#recoveryTicks = Math.floor((world.now - from) / tickUs);
    if (world.finding !== undefined) return;
    // The latest messages arrive, and may still replace a leader.
    const settled = world.now + 2 * second;
    await world.run(Infinity, () => world.now >= settled && calls.all.length >= minCalls);
  }

  // In calm weather a leader stays; and when it is lost, the next one is found within a few timeouts.
  async #loseLeader(): Promise<void> {
    const { world, standing, epochs, progressTicks, heartbeatTicks } = this.#parts;
    if (world.finding !== undefined) return;
    await this.#calm(5 * progressTicks);
    if (world.finding !== undefined) return;
    const { leader, healthy } = standing;
    if (leader === undefined) return world.violate("stability", "a leader is lost though nothing fails");
    const rest = healthy.filter((host) => host !== leader);
    const { prepareQuorum, acceptQuorum } = epochs.latest;
    const voters = rest.filter(({ id }) => votersOf(epochs.latest).includes(id));
    if (voters.length < Math.max(prepareQuorum, acceptQuorum)) return;
    const from = world.now;
    const before = this.#attempts();
    leader.crash();
    // A progress timeout with its jitter, and the last heartbeat.
    const notices = Math.ceil(1.5 * progressTicks) + 2 * heartbeatTicks;
    await this.#within(this.#ticks(notices), "attempt to replace a leader that has died", () => {
      return this.#attempts() > before;
    });
    await this.#within(this.#ticks(3 * progressTicks + 100), "failover", () => {
      return standing.appliedSince(from, rest) > 0;
    });
    if (world.finding !== undefined) return;
    leader.start();
    const back = world.now;
    await this.#within(this.#ticks(8 * progressTicks + 400), "return of the old leader", () => {
      return standing.agreesOnLeader && standing.answeredAllUntil(back);
    });
  }

  /** Lets time pass in which nobody has a reason to attempt a view. */
  async #calm(ticks: number): Promise<void> {
    const { world } = this.#parts;
    const before = this.#attempts();
    await world.run(world.now + this.#ticks(ticks), () => this.#attempts() > before);
    if (this.#attempts() > before) world.violate("stability", "a node attempts a view though nothing fails");
  }

  #attempts(): number {
    const { standing, leadership } = this.#parts;
    return standing.healthy.reduce((sum, { id }) => sum + leadership.attemptsOf(id), 0);
  }

  // Clients stop, everything comes to rest, and the books are compared.
  async #end(): Promise<void> {
    const { world, clients, readers, standing, progressTicks, options, calls, order } = this.#parts;
    if (world.finding !== undefined) return;
    clients.active = false;
    readers.active = false;
    // A client all of whose servers have left the cluster waits until its deadline.
    await this.#within(this.#ticks(8 * progressTicks + 700), "rest", () => {
      return clients.idle && readers.idle && standing.isLevel;
    });
    if (world.finding !== undefined) return;
    if (!standing.appliedTheSame) {
      return world.violate(
        "one-order",
        "at rest, not all nodes' state machines have been given the same updates",
      );
    }
    const wrongly = calls.all.find(
      ({ id, outcome }) => outcome === "rejected" && order.seqOf(id) !== undefined,
    );
    if (wrongly !== undefined) {
      return world.violate(
        "answers",
        `call ${wrongly.id} was rejected, and executed at seq ${order.seqOf(wrongly.id)}`,
      );
    }
    // Idle, they keep their leader.
    await this.#calm(3 * progressTicks);
    if (world.finding !== undefined) return;
    await this.#compareLogs();
    if (world.finding !== undefined) return;
    await this.#compareSnapshots();
    if (world.finding !== undefined) return;
    try {
      const verdict = options.workload.check?.([...calls.history(), ...readers.history]);
      if (typeof verdict === "string") world.violate("workload", verdict);
      else if (verdict !== undefined) this.#undecided = verdict.undecided;
    } catch (error) {
      // An assertion of a test runner, for instance: it needs the seed.
      world.violate("workload", `check throws: ${String(error)}`, error);
    }
  }

  // At rest all are at one seq. So are their snapshots, in which everything is compared that is replicated.
  async #compareSnapshots(): Promise<void> {
    const { world, standing, bound, options } = this.#parts;
    if (this.#parts.snapshots.everyUpdates === undefined) return;
    if (options.stateMachine(0).snapshot === undefined) return;
    // A node that is ill for good may still have an old update ordered once more, at any time.
    const due = bound.chosenUpTo;
    for (const host of standing.healthy) host.process?.takeSnapshot();
    await this.#within(this.#ticks(1000), "snapshot at rest", () =>
      standing.healthy.every(({ disk }) => disk.contents.snapshots.covers >= due),
    );
    if (world.finding !== undefined) return;
    // The log is dropped behind a snapshot, or a thousand ticks later at the latest.
    const overgrown = () => standing.healthy.map((host) => overgrowth(host, this.#parts)).find(Boolean);
    await world.run(world.now + this.#ticks(1100), () => overgrown() === undefined);
    if (overgrown() !== undefined) return world.violate("disk-bounds", `at rest ${overgrown()}`);
    // From these they start, and have everything.
    for (const host of standing.healthy) host.crash();
    for (const host of standing.healthy) host.start();
    await this.#within(this.#ticks(1000), "restart from snapshots", () => standing.isLevel);
  }

  async #within(us: number, what: string, condition: () => boolean): Promise<void> {
    const { world } = this.#parts;
    const from = world.now;
    // Asked now and then: it looks at every node.
    let asked = 0;
    let held = false;
    const throttled = () => {
      if (held || world.now - asked < this.#parts.tickUs) return held;
      asked = world.now;
      return (held = condition());
    };
    if ((await world.run(from + us, throttled)) || world.finding !== undefined) return;
    world.violate(
      "liveness",
      `no ${what} within ${us / this.#parts.tickUs} ticks: ${this.#parts.standing.describe()}`,
    );
  }

  #ticks(count: number): number {
    return count * this.#parts.tickUs;
  }

  // What clients are shown of the log is what was executed, on every node, from where it begins.
  async #compareLogs(): Promise<void> {
    const { world, order } = this.#parts;
    const executed = [...order.executed()];
    for (const host of this.#parts.standing.healthy) {
      let log: Awaited<ReturnType<Process["readLog"]>> | undefined;
      void host.process?.readLog().then((read) => (log = read));
      await this.#within(this.#ticks(1000), `log of node ${host.id}`, () => log !== undefined);
      if (world.finding !== undefined || log === undefined) return;
      const { firstSeq, entries } = log;
      const shown = entries
        .filter(({ duplicate }) => !duplicate)
        .map(({ seq, bytes }) => `${seq}:${new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)}`)
        .join();
      const due = executed.filter(({ seq }) => seq >= firstSeq).map(({ seq, callId }) => `${seq}:${callId}`);
      if (shown !== due.join())
        return world.violate("one-order", `the log of node ${host.id} is not what was executed`);
    }
  }
}
