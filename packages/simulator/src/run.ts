import { firstEpoch } from "@paxos/core";
import type { startReplica } from "@paxos/replica";
import { Acknowledged } from "./checkers/acknowledged.js";
import { BoundValues } from "./checkers/bound-values.js";
import type { Checker, Report } from "./checkers/checker.js";
import { Leadership } from "./checkers/leadership.js";
import { OneOrder } from "./checkers/one-order.js";
import { Promises } from "./checkers/promises.js";
import { StoredOrder } from "./checkers/stored-order.js";
import { Calls } from "./clients/calls.js";
import { Clients } from "./clients/clients.js";
import type { PlannedFault } from "./faults/fault.js";
import { Injector } from "./faults/injector.js";
import { planFaults } from "./faults/plan.js";
import type { Profile } from "./profile.js";
import { calmDisk, calmNetwork } from "./profiles.js";
import type { RunSummary } from "./summary.js";
import type { SimulatedStateMachine, Workload } from "./workload.js";
import { Standing } from "./standing.js";
import { Host } from "./world/host.js";
import { Network } from "./world/network.js";
import type { Surroundings } from "./world/seat.js";
import { World } from "./world/world.js";

/** What a run needs to know: {@link SimulateOptions} with nothing left open. */
export interface RunOptions {
  readonly seed: number;
  readonly profile: Profile;
  readonly nodes: number | undefined;
  readonly stateMachine: (nodeId: number) => SimulatedStateMachine;
  readonly workload: Workload;
  readonly faults: ReadonlySet<number> | undefined;
  readonly faultsUntilMs: number | undefined;
  readonly trace: ((line: string) => void) | undefined;
  readonly startReplica: typeof startReplica;
}

const second = 1_000_000;
const minCalls = 300;

/** One run: the cluster forms, faults come and go, everything must recover, a leader is lost in calm weather. */
export class Run {
  readonly world: World;
  readonly hosts: Host[] = [];
  readonly #options: RunOptions;
  readonly #calls = new Calls();
  readonly #clients: Clients;
  readonly #network: Network;
  readonly #injector: Injector;
  readonly #order: OneOrder;
  readonly #bound: BoundValues;
  readonly #leadership: Leadership;
  readonly #standing: Standing;
  /** The node that is ill for good. */
  readonly #ill: Host | undefined;
  readonly #plan: readonly PlannedFault[];
  readonly #faultsUntil: number;
  /** Ticks without progress after which a node attempts another view. */
  readonly #progressTicks: number;
  readonly #heartbeatTicks: number;
  readonly #tickUs = 10_000;
  #delivered = 0;
  #recoveryTicks = 0;
  #undecided = 0;
  #lastProgress = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    const { profile, seed, trace } = options;
    const world = (this.world = new World(seed, trace));
    const random = world.random.fork("run");
    // Drawn in any case: a run whose number of nodes is given is the run that would have had as many.
    const drawn = random.pick(profile.nodes);
    const nodes = options.nodes ?? drawn;
    const tuning = profile.tuning(random, options.workload.maxUpdateBytes);
    const epochRecord = firstEpoch(Array.from({ length: nodes }, (_, id) => `node-${id}:2346`));
    this.#progressTicks = tuning.progressTicks ?? 60;
    this.#heartbeatTicks = tuning.heartbeatTicks ?? 10;
    const report =
      (checker: string): Report =>
      (finding) =>
        world.violate(checker, finding);
    this.#order = new OneOrder(report("one-order"));
    this.#bound = new BoundValues(
      epochRecord,
      report("bound-values"),
      () => (this.#lastProgress = world.now),
    );
    const promises = new Promises(report("promises"));
    this.#leadership = new Leadership(epochRecord, this.#progressTicks, report("leadership"));
    const checkers: Checker[] = [
      this.#bound,
      new StoredOrder(this.#bound, report("stored-order")),
      promises,
      this.#leadership,
      this.#order,
      new Acknowledged(this.#order, report("acknowledged")),
    ];
    const encodes = random.chance(125);
    this.#network = new Network(world, profile.network, encodes, (from, to, message) => {
      this.#delivered++;
      this.hosts[to]?.deliver(from, message);
    });
    const surroundings: Surroundings = {
      world,
      network: this.#network,
      checkers,
      calls: this.#calls,
      epochRecord,
      tickMs: this.#tickUs / 1000,
      tuning,
      startReplica: options.startReplica,
      makeStateMachine: options.stateMachine,
      disk: profile.disk,
      encodes,
      tellRefused: (nodeId, storeId, by, refusal) => {
        const host = this.hosts[nodeId];
        if (host?.disk.storeId === storeId) host.process?.refusedBy(by, refusal);
      },
    };
    for (let id = 0; id < nodes; id++) this.hosts.push(new Host(surroundings, id));
    for (const host of this.hosts) host.tickRate = host.usualTickRate = random.between(...profile.clockRate);
    const patient = random.pick(this.hosts);
    this.#ill = profile.illness === undefined ? undefined : patient;
    this.#standing = new Standing({
      hosts: this.hosts,
      ill: this.#ill,
      promises,
      order: this.#order,
      bound: this.#bound,
      calls: this.#calls,
    });
    this.#injector = new Injector(surroundings, this.hosts);
    const [low, high] = profile.faultsMs;
    const faultsMs = random.between(low, high);
    this.#plan = planFaults(profile, world.random.fork("faults"), nodes, faultsMs * 1000);
    this.#faultsUntil = Math.min(faultsMs, options.faultsUntilMs ?? Infinity) * 1000;
    this.#clients = new Clients(world, this.hosts, this.#calls, options.workload, profile.clients, checkers);
  }

  /** How many faults the plan holds. */
  get planned(): number {
    return this.#plan.length;
  }

  async go(): Promise<void> {
    await this.#sufferFaults();
    await this.#recover();
    await this.#loseLeader();
    await this.#end();
  }

  summary(): RunSummary {
    const { world } = this;
    const { ordered, rejected, unknown, retries, all } = this.#calls;
    const counts = [...this.#injector.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      seed: this.#options.seed,
      profile: this.#options.profile.name,
      nodes: this.hosts.length,
      traceHash: world.trace.hash,
      virtualMs: Math.floor(world.now / 1000),
      steps: world.steps,
      ticks: world.ticks,
      messages: {
        sent: this.#network.sent,
        delivered: this.#delivered,
        lost: this.#network.lost,
        doubled: this.#network.doubled,
      },
      saves: world.saves,
      operations: { issued: all.length, ordered, rejected, unknown, retries },
      faults: counts.reduce((sum, [, count]) => sum + count, 0),
      faultsByKind: Object.fromEntries(counts),
      views: this.#bound.views,
      ordered: this.#bound.chosenUpTo,
      recoveryTicks: this.#recoveryTicks,
      undecided: this.#undecided,
    };
  }

  async #sufferFaults(): Promise<void> {
    const { world, hosts } = this;
    const { profile, faults } = this.#options;
    this.#injector.onExpectation = (planned) => this.#expect(planned);
    this.#injector.schedule(this.#plan, faults, this.#faultsUntil);
    for (const host of hosts) world.after(host.random.between(0, 200_000), () => host.start());
    if (profile.illness !== undefined && this.#ill) this.#injector.infect(this.#ill, profile.illness);
    await world.run(this.#faultsUntil);
  }

  // Faults stop. Within a stated time all nodes agree, have answered everybody who waits, and order new updates.
  async #recover(): Promise<void> {
    const { world } = this;
    if (world.finding !== undefined) return;
    this.#injector.stop();
    this.#network.conditions = calmNetwork;
    for (const host of this.hosts) host.disk.become(calmDisk);
    const { healthy } = this.#standing;
    for (const host of this.hosts) if (!healthy.includes(host)) this.#clients.avoided.add(host);
    this.#clients.becomePatient();
    const from = world.now;
    if (world.trace.verbose) world.trace.line("ALL FAULTS END");
    // A capped timeout (8 timeouts and a jitter), and what three more elections and the catching-up take.
    const limit = this.#ticks(16 * this.#progressTicks + 400);
    await this.#within(limit, "recovery", () => {
      const { agreesOnLeader, lostDisksAreOut } = this.#standing;
      if (!agreesOnLeader || !lostDisksAreOut || !this.#standing.answeredAllUntil(from)) return false;
      return this.#standing.appliedSince(from, healthy) === healthy.length;
    });
    this.#recoveryTicks = Math.floor((world.now - from) / this.#tickUs);
    if (world.finding !== undefined) return;
    // The latest messages arrive, and may still replace a leader.
    const settled = world.now + 2 * second;
    await world.run(Infinity, () => world.now >= settled && this.#calls.all.length >= minCalls);
  }

  // In calm weather a leader stays; and when it is lost, the next one is found within a few timeouts.
  async #loseLeader(): Promise<void> {
    const { world } = this;
    if (world.finding !== undefined) return;
    await this.#calm(5 * this.#progressTicks);
    if (world.finding !== undefined) return;
    const { leader, healthy } = this.#standing;
    if (leader === undefined) return world.violate("stability", "a leader is lost though nothing fails");
    const rest = healthy.filter((host) => host !== leader);
    if (rest.length < Math.floor(this.hosts.length / 2) + 1) return;
    const from = world.now;
    const before = this.#attempts();
    leader.crash();
    // A progress timeout with its jitter, and the last heartbeat.
    const notices = Math.ceil(1.5 * this.#progressTicks) + 2 * this.#heartbeatTicks;
    await this.#within(this.#ticks(notices), "attempt to replace a leader that has died", () => {
      return this.#attempts() > before;
    });
    await this.#within(this.#ticks(3 * this.#progressTicks + 100), "failover", () => {
      return this.#standing.appliedSince(from, rest) > 0;
    });
    if (world.finding !== undefined) return;
    leader.start();
    const back = world.now;
    await this.#within(this.#ticks(8 * this.#progressTicks + 400), "return of the old leader", () => {
      return this.#standing.agreesOnLeader && this.#standing.answeredAllUntil(back);
    });
  }

  /** Lets time pass in which nobody has a reason to attempt a view. */
  async #calm(ticks: number): Promise<void> {
    const { world } = this;
    const before = this.#attempts();
    await world.run(world.now + this.#ticks(ticks), () => this.#attempts() > before);
    if (this.#attempts() > before) world.violate("stability", "a node attempts a view though nothing fails");
  }

  #attempts(): number {
    return this.#standing.healthy.reduce((sum, { id }) => sum + this.#leadership.attemptsOf(id), 0);
  }

  // Clients stop, everything comes to rest, and the books are compared.
  async #end(): Promise<void> {
    const { world } = this;
    if (world.finding !== undefined) return;
    this.#clients.active = false;
    await this.#within(this.#ticks(8 * this.#progressTicks + 400), "rest", () => {
      return this.#clients.idle && this.#standing.isLevel;
    });
    if (world.finding !== undefined) return;
    // Idle, they keep their leader.
    await this.#calm(3 * this.#progressTicks);
    if (world.finding !== undefined) return;
    await this.#compareLogs();
    if (world.finding !== undefined) return;
    try {
      const verdict = this.#options.workload.check?.(this.#calls.history());
      if (typeof verdict === "string") world.violate("workload", verdict);
      else if (verdict !== undefined) this.#undecided = verdict.undecided;
    } catch (error) {
      // An assertion of a test runner, for instance: it needs the seed.
      world.violate("workload", `check throws: ${String(error)}`, error);
    }
  }

  async #within(us: number, what: string, condition: () => boolean): Promise<void> {
    const { world } = this;
    const from = world.now;
    // Asked now and then: it looks at every node.
    let asked = 0;
    let held = false;
    const throttled = () => {
      if (held || world.now - asked < this.#tickUs) return held;
      asked = world.now;
      return (held = condition());
    };
    if ((await world.run(from + us, throttled)) || world.finding !== undefined) return;
    world.violate("liveness", `no ${what} within ${us / this.#tickUs} ticks: ${this.#standing.describe()}`);
  }

  #ticks(count: number): number {
    return count * this.#tickUs;
  }

  // What clients are shown of the log is what was executed, on every node.
  async #compareLogs(): Promise<void> {
    const { world } = this;
    const executed = [...this.#order.executed()].map(({ seq, callId }) => `${seq}:${callId}`).join();
    for (const host of this.#standing.healthy) {
      let log: string | undefined;
      void host.process?.readLog().then((entries) => {
        const first = entries.filter(({ duplicate }) => !duplicate);
        log = first
          .map(({ seq, bytes }) => `${seq}:${new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)}`)
          .join();
      });
      await this.#within(this.#ticks(1000), `log of node ${host.id}`, () => log !== undefined);
      if (world.finding !== undefined) return;
      if (log !== executed)
        return world.violate("one-order", `the log of node ${host.id} is not what was executed`);
    }
  }

  #expect({ at, expects, fault }: PlannedFault): void {
    const { world } = this;
    const { views } = this.#bound;
    const since = `since the ${fault.kind} after ${Math.floor(at / 1000)} ms`;
    if (expects?.kind === "recovers") {
      const limit = expects.timeouts * this.#progressTicks;
      world.after(this.#ticks(limit), () => {
        // Clients send often enough that in a live cluster something is ordered within a timeout.
        const idle = Math.floor((world.now - this.#lastProgress) / this.#tickUs);
        if (idle > this.#progressTicks) {
          world.violate(
            "liveness",
            `nothing is ordered ${limit} ticks ${since}, and was not for ${idle} ticks`,
          );
        }
      });
    } else if (expects?.kind === "keeps-leader" && "forUs" in fault) {
      world.after(fault.forUs + this.#ticks(this.#progressTicks), () => {
        if (this.#bound.views !== views)
          world.violate("stability", `somebody else has come to lead ${since}`);
      });
    }
  }
}
