import type { Reads } from "../checkers/reads.js";
import type { Profile } from "../profile.js";
import type { Random } from "../random.js";
import type { Operation, Workload } from "../workload.js";
import type { Host } from "../world/host.js";
import type { World } from "../world/world.js";
import type { Clients } from "./clients.js";
import { drawDelay } from "./courier.js";
import { usualReaders, type ReaderConditions } from "./reader-conditions.js";

/** After how long an attempt is taken for lost, in milliseconds. */
const timeoutMs = [30, 600] as const;

/** The pause after a refusal, in microseconds. */
const pauseUs = [5_000, 50_000] as const;

interface Reader {
  readonly index: number;
  readonly random: Random;
  busy: boolean;
}

/** One read, from its first attempt to its answer. */
interface Reading {
  /** Undefined: nothing is asked but up to where the node has applied. */
  readonly query: Uint8Array | undefined;
  readonly start: number;
  /** What the answer must not miss. */
  readonly least: number;
  attempts: number;
}

/** What is drawn for the readers of a run. */
export interface ReadersDrawn {
  readonly count: number;
  /** 0: no leases. */
  readonly leaseTicks: number;
}

/** Drawn from a stream of its own: without readers, a run is what it would be if there were never any. */
export function drawReaders(
  random: Random,
  { readersPerMille = 0, readers: conditions = usualReaders }: Pick<Profile, "readersPerMille" | "readers">,
  progressTicks: number,
): ReadersDrawn {
  if (!random.chance(readersPerMille)) return { count: 0, leaseTicks: 0 };
  const count = random.between(...conditions.readers);
  const leases = random.chance(conditions.leasesPerMille);
  const longest = progressTicks >> 1;
  const [ticks, perMille] = conditions.leastLease;
  const shortest = Math.max(ticks, Math.floor((longest * perMille) / 1000));
  return { count, leaseTicks: leases ? random.between(shortest, longest) : 0 };
}

/** Clients that read, through any node, and try again through others. A read that was given up has left no trace. */
export class Readers {
  /** Whether they go on reading. */
  active = true;
  served = 0;
  readonly #readers: Reader[] = [];
  readonly #history: Operation[] = [];

  constructor(
    private readonly parts: {
      readonly world: World;
      readonly hosts: readonly Host[];
      readonly reads: Reads;
      /** The others. Indices go on behind theirs, and what they leave alone readers do too. */
      readonly clients: Clients;
    },
    private readonly options: { readonly workload: Workload; readonly profile: Pick<Profile, "readers"> },
    count: number,
  ) {
    const random = parts.world.random.fork("readers");
    for (let i = 0; i < count; i++) {
      const reader = { index: parts.clients.count + i, random: random.fork(`reader ${i}`), busy: false };
      this.#readers.push(reader);
      this.#think(reader);
    }
  }

  get #conditions(): ReaderConditions {
    return this.options.profile.readers ?? usualReaders;
  }

  /** Whether no read is under way. */
  get idle(): boolean {
    return this.#readers.every(({ busy }) => !busy);
  }

  /** What workloads judge, besides the updates. */
  get history(): readonly Operation[] {
    return this.#history;
  }

  #think(reader: Reader): void {
    const [low, high] = this.#conditions.thinkMs;
    this.parts.world.after(reader.random.between(low * 1000, high * 1000), () => {
      if (this.active) this.#begin(reader);
    });
  }

  #begin(reader: Reader): void {
    const { world, reads } = this.parts;
    let query: Uint8Array | undefined;
    try {
      query = this.options.workload.nextQuery?.(reader.random, reader.index, Math.floor(world.now / 1000));
    } catch (error) {
      // It needs the seed, like everything that is found.
      return world.violate("workload", `nextQuery throws: ${String(error)}`, error);
    }
    reader.busy = true;
    this.#attempt(reader, { query, start: world.now, least: reads.appliedUpTo, attempts: 0 });
  }

  #attempt(reader: Reader, reading: Reading): void {
    const { world } = this.parts;
    const { random } = reader;
    const host = this.#pick(random);
    const attempt = ++reading.attempts;
    const cancel = new AbortController();
    const isCurrent = () => reader.busy && reading.attempts === attempt;
    const again = () => {
      if (isCurrent()) this.#attempt(reader, reading);
    };
    world.after(drawDelay(random), () => {
      const taken = host?.process?.read(reading.query, cancel.signal, (answer) =>
        world.after(drawDelay(random), () => {
          if (!isCurrent()) return;
          if (answer.kind === "read") return this.#answered(reader, reading, host.id, answer);
          if (answer.code === "unexpected")
            return world.violate("reads", `node ${host.id} fails at a read: ${answer.message}`);
          world.after(random.between(...pauseUs), again);
        }),
      );
      if (taken !== true) world.after(random.between(...pauseUs), again);
    });
    const [low, high] = timeoutMs;
    world.after(random.between(low * 1000, high * 1000), () => {
      if (!isCurrent()) return;
      cancel.abort();
      again();
    });
  }

  #pick(random: Random): Host | undefined {
    const { hosts, clients } = this.parts;
    const all = hosts.filter((host) => !clients.avoided.has(host));
    const leaders = all.filter(({ leads }) => leads !== undefined);
    return random.pick(random.chance(this.#conditions.leaderPerMille) && leaders.length > 0 ? leaders : all);
  }

  #answered(
    reader: Reader,
    { query, start, least }: Reading,
    nodeId: number,
    { seq, result }: { readonly seq: number; readonly result: Uint8Array },
  ): void {
    const { world, reads } = this.parts;
    world.trace.note("q", reader.index, nodeId, seq);
    if (world.trace.verbose)
      world.trace.line(`reader ${reader.index} is answered by node ${nodeId}, as of seq ${seq}`);
    reads.served({ nodeId, seq, least, start });
    this.served++;
    reader.busy = false;
    if (query !== undefined) {
      const { index: client } = reader;
      this.#history.push({ client, query: true, update: query, result, start, end: world.now });
    }
    this.#think(reader);
  }
}
