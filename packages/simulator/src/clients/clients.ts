import type { Checker } from "../checkers/checker.js";
import type { Random } from "../random.js";
import type { Workload } from "../workload.js";
import type { Host } from "../world/host.js";
import type { World } from "../world/world.js";
import { Attempts, Identity } from "./attempts.js";
import type { Call } from "./call.js";
import type { Calls } from "./calls.js";
import type { Courier, Desk, RunConditions } from "./courier.js";
import { Library } from "./library.js";

interface Client {
  readonly index: number;
  readonly random: Random;
  readonly courier: Courier;
  busy: boolean;
}

/** Neighbours share a client id, so that one session has several updates under way. */
const clientsPerId = 3;

/** Chance in 1,000 that neighbours use the library in a run in which clients do. */
const libraryOfNeighboursPerMille = 700;

/** The longest that clients think once they are patient, in milliseconds. */
const patientThinkMs = 400;

/** The clients of a run. They send updates through any node, and try again through others. */
export class Clients implements Desk {
  /** Whether calls are made. */
  active = true;
  readonly avoided = new Set<Host>();
  #patient = false;
  readonly #clients: Client[] = [];

  constructor(
    readonly world: World,
    readonly hosts: readonly Host[],
    readonly calls: Calls,
    private readonly workload: Workload,
    readonly conditions: RunConditions,
    private readonly checkers: readonly Checker[],
  ) {
    const random = world.random.fork("clients");
    const count = random.between(...conditions.clients);
    const groups = random.fork("groups");
    const usesLibrary = groups.chance(conditions.libraryPerMille);
    let neighbours: { readonly library: Library | undefined; readonly identity: Identity } | undefined;
    for (let index = 0; index < count; index++) {
      if (neighbours === undefined || index % clientsPerId === 0) {
        // Not the first ones: what is expected of a cluster under a partition is seen only if somebody soon tries elsewhere.
        const chance = groups.chance(libraryOfNeighboursPerMille);
        const library = conditions.forgetful || (index > 0 && usesLibrary && chance);
        neighbours = {
          library: library ? new Library(groups.fork(`library ${index}`), this) : undefined,
          identity: new Identity(BigInt(1000 + index / clientsPerId)),
        };
      }
      const own = random.fork(`client ${index}`);
      const host = random.pick(hosts) as Host;
      const courier = neighbours.library ?? new Attempts(neighbours.identity, own, host, this);
      this.#clients.push({ index, random: own, courier, busy: false });
    }
    for (const client of this.#clients) this.#think(client);
  }

  /** How many there are. */
  get count(): number {
    return this.#clients.length;
  }

  /** Whether no call is under way. */
  get idle(): boolean {
    return this.#clients.every(({ busy }) => !busy);
  }

  /** From now on clients wait for as long as a node works on their call, and do not think for long. Who is idle makes a call now. */
  becomePatient(): void {
    this.#patient = true;
    for (const client of this.#clients) {
      client.courier.becomePatient();
      if (!client.busy) this.#begin(client);
    }
  }

  ordered(call: Call, nodeId: number, seq: number, result: Uint8Array): void {
    const { world } = this;
    call.result = result;
    call.seq = seq;
    call.end = world.now;
    world.trace.note("C", call.id, seq);
    if (world.trace.verbose)
      world.trace.line(`client ${call.client} learns that call ${call.id} is ordered at seq ${seq}`);
    for (const checker of this.checkers) checker.answered?.(call, nodeId, seq);
    this.ended(call, "ordered");
  }

  busy(call: Call, nodeId: number): void {
    if (call.attempts > 1) return;
    for (const checker of this.checkers) checker.refused?.(call, nodeId);
  }

  ended(call: Call, outcome: "ordered" | "rejected" | "unknown"): void {
    const client = this.#clients[call.client];
    if (client === undefined) return;
    this.calls.end(call, outcome);
    client.busy = false;
    this.#think(client);
  }

  #think(client: Client): void {
    const [low, high] = this.conditions.thinkMs.map((ms) =>
      this.#patient ? Math.min(ms, patientThinkMs) : ms,
    ) as [number, number];
    this.world.after(client.random.between(low * 1000, high * 1000), () => {
      if (this.active && !client.busy) this.#begin(client);
    });
  }

  #begin(client: Client): void {
    const { world, calls } = this;
    const update = this.#nextUpdate(client);
    if (update === undefined) return;
    client.busy = true;
    client.courier.send(calls.add({ client: client.index, update, start: world.now }));
  }

  #nextUpdate(client: Client): Uint8Array | undefined {
    const { world } = this;
    let update: unknown;
    try {
      update = this.workload.next(client.random, client.index, Math.floor(world.now / 1000));
    } catch (error) {
      // It needs the seed, like everything that is found.
      world.violate("workload", `next throws: ${String(error)}`, error);
      return undefined;
    }
    if (update instanceof Uint8Array) return update;
    world.violate("workload", `next gives ${typeof update}; it must give a Uint8Array`);
    return undefined;
  }
}
