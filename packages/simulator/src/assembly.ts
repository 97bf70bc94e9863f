import { firstEpoch } from "@paxos/core";
import type { SnapshotPolicy, startReplica } from "@paxos/replica";
import { Acknowledged } from "./checkers/acknowledged.js";
import { BoundValues } from "./checkers/bound-values.js";
import type { Checker } from "./checkers/checker.js";
import { Compaction } from "./checkers/compaction.js";
import { Epochs } from "./checkers/epochs.js";
import { FailedStorage } from "./checkers/failed-storage.js";
import { Leadership } from "./checkers/leadership.js";
import { OneOrder } from "./checkers/one-order.js";
import { Promises } from "./checkers/promises.js";
import { Reads } from "./checkers/reads.js";
import { StoredOrder } from "./checkers/stored-order.js";
import { StoredSessions } from "./checkers/stored-sessions.js";
import { Calls } from "./clients/calls.js";
import { Clients } from "./clients/clients.js";
import type { RunConditions } from "./clients/courier.js";
import { drawReaders, Readers } from "./clients/readers.js";
import { Expectations } from "./expectations.js";
import { losesDisk } from "./faults/disk-faults.js";
import type { PlannedFault } from "./faults/fault.js";
import { Injector } from "./faults/injector.js";
import { Operators } from "./faults/operators.js";
import { planFaults } from "./faults/plan.js";
import { Transfers } from "./faults/transfers.js";
import type { Profile } from "./profile.js";
import { Standing } from "./standing.js";
import type { SimulatedStateMachine, Workload } from "./workload.js";
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

/** What nodes' clocks are set to. */
const tickUs = 10_000;

/** Chance in 1,000 that a run has everything encoded and decoded on its way. */
const encodesPerMille = 125;

/** All parts of a run, put together from its seed. */
export class Assembly {
  readonly world: World;
  /** All machines, in the order of the nodes' ids: more come as nodes join. */
  readonly hosts: readonly Host[];
  /** How many nodes have founded the cluster. */
  readonly nodes: number;
  /** The node that is ill for good. */
  readonly ill: Host | undefined;
  readonly calls = new Calls();
  readonly clients: Clients;
  readonly readers: Readers;
  readonly network: Network;
  readonly injector: Injector;
  readonly epochs: Epochs;
  readonly operators: Operators;
  readonly order: OneOrder;
  readonly bound: BoundValues;
  readonly leadership: Leadership;
  readonly compaction = new Compaction((finding) => this.world.violate("compaction", finding));
  readonly reads = new Reads((finding) => this.world.violate("reads", finding));
  readonly standing: Standing;
  readonly expectations: Expectations;
  readonly plan: readonly PlannedFault[];
  /** Virtual time at which faults end, in microseconds. */
  readonly faultsUntil: number;
  readonly tickUs = tickUs;
  /** Ticks without progress after which a node attempts another view. */
  readonly progressTicks: number;
  readonly heartbeatTicks: number;
  /** When replicas take snapshots; as shipped where it is silent. */
  readonly snapshots: Partial<SnapshotPolicy>;
  /** How many messages have reached a host. */
  delivered = 0;

  constructor(readonly options: RunOptions) {
    const { profile, seed, trace, workload } = options;
    const { calls } = this;
    const world = (this.world = new World(seed, trace));
    const random = world.random.fork("run");
    // Drawn in any case: a run whose number of nodes is given is the run that would have had as many.
    const drawn = random.pick(profile.nodes);
    const nodes = (this.nodes = options.nodes ?? drawn);
    const drawnTuning = profile.tuning(random, workload.maxUpdateBytes);
    this.progressTicks = drawnTuning.progressTicks ?? 60;
    const readers = drawReaders(world.random.fork("reads"), profile, this.progressTicks);
    const tuning = { ...drawnTuning, leaseTicks: readers.leaseTicks };
    this.heartbeatTicks = tuning.heartbeatTicks ?? 10;
    const epochRecord = firstEpoch(Array.from({ length: nodes }, (_, id) => `node-${id}:2346`));
    const encodes = random.chance(encodesPerMille);

    const report = (checker: string) => (finding: string) => world.violate(checker, finding);
    this.order = new OneOrder(report("one-order"), () => this.expectations.progressed());
    this.epochs = new Epochs(epochRecord);
    this.bound = new BoundValues(this.epochs, report("bound-values"));
    this.leadership = new Leadership(this.epochs, this.progressTicks, report("leadership"));
    const promises = new Promises(report("promises"));
    const transfers = new Transfers(world);
    const checkers: Checker[] = [
      this.bound,
      new StoredOrder(this.bound, report("stored-order")),
      promises,
      this.leadership,
      this.order,
      new Acknowledged(this.order, report("acknowledged")),
      this.compaction,
      new StoredSessions(report("sessions")),
      new FailedStorage(report("failed-storage")),
      this.reads,
      transfers,
    ];

    this.network = new Network(world, profile.network, encodes, (_from, to, message, sender) => {
      if (hosts[to]?.deliver(sender, message) === true) this.delivered++;
      else this.network.lost++;
    });
    const surroundings: Surroundings = {
      world,
      network: this.network,
      checkers,
      calls,
      epochRecord,
      epochs: this.epochs,
      tickMs: tickUs / 1000,
      tuning,
      sessionBounds: profile.sessionClients === undefined ? {} : { clients: profile.sessionClients },
      snapshots: (this.snapshots = profile.snapshots?.(random.fork("snapshots")) ?? {}),
      saveTimeoutMs: profile.saveTimeoutMs ?? 30_000,
      staysPerMille: profile.staysPerMille ?? 0,
      startReplica: options.startReplica,
      makeStateMachine: options.stateMachine,
      disk: profile.disk,
      encodes,
      tellRefused: (sender, by, refusal) => {
        const process = hosts[sender.nodeId]?.process;
        if (process?.is(sender) === true) process.refusedBy(by, refusal);
      },
    };
    const hosts = Array.from({ length: nodes }, (_, id) => new Host(surroundings, id, undefined));
    this.hosts = hosts;
    for (const host of hosts) host.tickRate = host.usualTickRate = random.between(...profile.clockRate);
    const patient = random.pick(hosts);
    this.ill = profile.illness === undefined ? undefined : patient;

    const faultsMs = random.between(...profile.faultsMs);
    const plan = (this.plan = planFaults(profile, world.random.fork("faults"), nodes, faultsMs * 1000));

    const { bound, order, ill, epochs } = this;
    const careful = ill !== undefined || plan.some(({ fault }) => losesDisk(fault));
    this.operators = new Operators({ surroundings, hosts, epochs, nodes, ill, careful });
    this.standing = new Standing({ hosts, ill, epochs, order, bound, promises, calls });
    this.expectations = new Expectations(this);
    this.injector = new Injector(surroundings, hosts, transfers, this.operators);
    requirePlanned(options.faults, plan);
    this.faultsUntil = Math.min(faultsMs, options.faultsUntilMs ?? Infinity) * 1000;
    const conditions = clientConditions(profile, plan);
    this.clients = new Clients(world, hosts, calls, workload, conditions, checkers);
    this.readers = new Readers(this, options, readers.count);
  }
}

/** @throws RangeError when a fault that is to happen is not planned. */
function requirePlanned(faults: ReadonlySet<number> | undefined, plan: readonly PlannedFault[]): void {
  for (const number of faults ?? []) {
    if (plan[number] !== undefined) continue;
    throw new RangeError(`fault ${number} is not in the plan, which has ${plan.length}, numbered from 0`);
  }
}

function clientConditions(
  { clients, sessionClients }: Profile,
  plan: readonly PlannedFault[],
): RunConditions {
  return {
    ...clients,
    forgetful: sessionClients !== undefined,
    discover: plan.some(({ fault }) => fault.kind === "change" || fault.kind === "usurp"),
  };
}
