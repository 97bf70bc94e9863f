import type { Random } from "../random.js";
import type { Checker } from "../checkers/checker.js";
import type { Host } from "../world/host.js";
import type { Answer } from "../world/process.js";
import type { World } from "../world/world.js";
import type { Workload } from "../workload.js";
import { encodeCall, type Call } from "./call.js";
import type { Calls } from "./calls.js";

/** How clients behave. All times in milliseconds. */
export interface ClientConditions {
  /** How many there are; each has one update under way. */
  readonly clients: readonly [number, number];
  /** What a client thinks between two updates. */
  readonly thinkMs: readonly [number, number];
  /** After how long it takes an attempt for lost. */
  readonly timeoutMs: readonly [number, number];
  /** Chance in 1,000 that it gives up then, instead of trying again through another node. */
  readonly givesUpPerMille: number;
}

interface Client {
  readonly index: number;
  readonly clientId: bigint;
  readonly random: Random;
  /** The node that it talks to until that fails it. */
  host: Host;
  busy: boolean;
}

/** Neighbours share a session, so that one session has several updates under way. */
const clientsPerSession = 3;

/** How long messages between clients and servers take, in microseconds. */
const delayUs = [50, 2000] as const;

/** The longest that clients think once they are patient, in milliseconds. */
const patientThinkMs = 400;

const maxAttempts = 12;

/** The clients of a run. They send updates through any node, and try again through others. */
export class Clients {
  /** Whether calls are made. */
  active = true;
  /** Nodes that clients leave alone. */
  readonly avoided = new Set<Host>();
  #patient = false;
  readonly #clients: Client[];
  readonly #timestamps = new Map<bigint, bigint>();

  constructor(
    private readonly world: World,
    private readonly hosts: readonly Host[],
    private readonly calls: Calls,
    private readonly workload: Workload,
    private readonly conditions: ClientConditions,
    private readonly checkers: readonly Checker[],
  ) {
    const random = world.random.fork("clients");
    const count = random.between(...conditions.clients);
    this.#clients = Array.from({ length: count }, (_, index) => ({
      index,
      clientId: BigInt(1000 + Math.floor(index / clientsPerSession)),
      random: random.fork(`client ${index}`),
      host: random.pick(hosts) as Host,
      busy: false,
    }));
    for (const client of this.#clients) this.#think(client);
  }

  /** Whether no call is under way. */
  get idle(): boolean {
    return this.#clients.every(({ busy }) => !busy);
  }

  /** From now on clients wait for as long as a node works on their call, and do not think for long. Who is idle makes a call now. */
  becomePatient(): void {
    this.#patient = true;
    for (const client of this.#clients) if (!client.busy) this.#begin(client);
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
    const timestamp = (this.#timestamps.get(client.clientId) ?? 0n) + 1n;
    this.#timestamps.set(client.clientId, timestamp);
    const call = calls.add({ client: client.index, timestamp, update, start: world.now });
    this.#attempt(client, call);
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

  #attempt(client: Client, call: Call): void {
    const { world } = this;
    const { random, host } = client;
    const attempt = ++call.attempts;
    if (attempt > 1) this.calls.retries++;
    if (world.trace.verbose) {
      world.trace.line(`client ${client.index} sends call ${call.id} to node ${host.id}, attempt ${attempt}`);
    }
    const cancel = new AbortController();
    let entered: object | undefined;
    const current = () => client.busy && call.outcome === "pending" && call.attempts === attempt;
    const receive = (answer: Answer) => {
      // An answer that comes late is an answer. A refusal that does is not: another attempt is under way.
      const counts = answer.kind === "ordered" || call.attempts === attempt;
      if (call.outcome === "pending" && counts) this.#onAnswer(client, call, host, answer);
    };
    world.after(random.between(...delayUs), () => {
      const bytes = encodeCall(call.id, call.update);
      const { process } = host;
      const onAnswer = (answer: Answer) => world.after(random.between(...delayUs), () => receive(answer));
      const taken = process?.request(call, client.clientId, bytes, cancel.signal, onAnswer) ?? false;
      if (taken) entered = process;
      else onAnswer({ kind: "failed", code: "unavailable", message: "nobody listens" });
    });
    const [low, high] = this.conditions.timeoutMs;
    const expire = () => {
      if (!current()) return;
      const working = entered !== undefined && entered === host.process && !this.avoided.has(host);
      if (this.#patient && working) return world.after(100_000, expire);
      if (!this.#patient && random.chance(500)) cancel.abort();
      if (call.outcome === "pending") this.#again(client, call);
    };
    world.after(random.between(low * 1000, high * 1000), expire);
  }

  #onAnswer(client: Client, call: Call, host: Host, answer: Answer): void {
    const { world } = this;
    if (answer.kind === "failed") {
      if (answer.code === "too_large" || answer.code === "invalid")
        return this.#end(client, call, "rejected");
      // A session remembers a thousand answers at least, and no client has so many calls newer than this one.
      if (answer.code === "expired" || answer.code === "unexpected") {
        return world.violate("answers", `node ${host.id} answers call ${call.id}: ${answer.message}`);
      }
      const attempt = call.attempts;
      return world.after(client.random.between(5_000, 50_000), () => {
        if (call.outcome === "pending" && call.attempts === attempt) this.#again(client, call);
      });
    }
    call.result = answer.result;
    call.seq = answer.seq;
    call.end = world.now;
    world.trace.note("C", call.id, answer.seq);
    if (world.trace.verbose) {
      world.trace.line(`client ${client.index} learns that call ${call.id} is ordered at seq ${answer.seq}`);
    }
    for (const checker of this.checkers) checker.answered?.(call, host.id, answer.seq);
    this.#end(client, call, "ordered");
  }

  #again(client: Client, call: Call): void {
    const { random } = client;
    const givesUp =
      !this.#patient && (call.attempts >= maxAttempts || random.chance(this.conditions.givesUpPerMille));
    client.host = random.pick(this.hosts.filter((host) => !this.avoided.has(host))) ?? client.host;
    if (givesUp) this.#end(client, call, "unknown");
    else this.#attempt(client, call);
  }

  #end(client: Client, call: Call, outcome: "ordered" | "rejected" | "unknown"): void {
    this.calls.end(call, outcome);
    client.busy = false;
    this.#think(client);
  }
}
