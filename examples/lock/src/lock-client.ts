// For programs: locks that wait for their turn, and leaders that can be looked up.
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { SubmitError } from "@paxos/client";
import { clientOf, type Connection } from "@paxos/machine";
import { pause, systemClock, within, type ClientClock } from "./clock.js";
import { Lock, LockError, mayPass, reliedOnMs, type LocksMachine } from "./lock.js";
import { locks, PLACE_MS } from "./locks.js";

export interface LockClientOptions {
  /** What others are shown as the owner of locks, before a random part. Default: host and process id. */
  readonly label?: string;
  readonly clock?: ClientClock;
}

export interface AcquireOptions {
  /** How long the lock outlives a holder that is not heard of any more: 1,000 to 86,400,000. Default 10,000. */
  readonly ttlMs?: number;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
  /** What others can read while the lock is held, up to 1,000 characters. */
  readonly value?: string;
  /** Told in words what is waited for. */
  readonly report?: (line: string) => void;
}

/** Who holds a lock. */
export interface Leader {
  readonly owner: string;
  readonly token: number;
  readonly value?: string | undefined;
}

export type LockClient = ReturnType<typeof lockClient>;

/** How long a command may take before it is given up, and sent anew. */
const ATTEMPT_MS = 5_000;
const LEAVE_MS = 1_000;
const RETRY_MS = 250;
/** How often the queue is looked at: by the first one in it, and, in order, less and less often by those behind. */
const LOOK_MS = 100;
const LONGEST_LOOK_MS = 1_000;

/** Locks over a client of the cluster, which remains the caller's to close. */
export function lockClient(connection: Connection, options: LockClientOptions = {}) {
  const { clock = systemClock, label = `${hostname()}:${process.pid}` } = options;
  // Each acquisition is an owner of its own: it can be made again without knowing how far it has got, and two of one process exclude each other.
  const newOwner = () => `${label.slice(0, 180)}#${randomBytes(6).toString("hex")}`;
  const parts: Parts = { machine: clientOf(locks, connection), clock };

  const leader = async (
    name: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<Leader | undefined> => {
    const { result } = await parts.machine.holder({ name, now: clock.wall() }, options);
    if (result.holder === undefined) return undefined;
    const { owner, token, value } = result.holder;
    return { owner, token, value };
  };

  return {
    /**
     * Waits for its turn, however long that takes, while servers fail and come back too. Rejects with the signal's reason when that is aborted; with a
     * {@link LockError} `full` when there is no room; with a RequestError when the cluster takes no such command.
     */
    acquire: async (name: string, options: AcquireOptions = {}): Promise<Lock> =>
      (await acquire(parts, name, newOwner(), true, options)) as Lock,
    /** The same, but undefined when somebody else holds the lock or waits for it. */
    tryAcquire: (name: string, options: AcquireOptions = {}): Promise<Lock | undefined> =>
      acquire(parts, name, newOwner(), false, options),
    /** Resolves when this one leads, which is until the lock's signal is aborted. Others see the value, its address, say. */
    elect: async (name: string, value: string, options: AcquireOptions = {}): Promise<Lock> =>
      (await acquire(parts, name, newOwner(), true, { ...options, value })) as Lock,
    /** Who leads now; undefined when nobody does. By the time of the answer it may be another one: who is led must look at tokens. */
    leader,
    /** Who leads now, and then whoever leads next, undefined when nobody does, until the signal is aborted. It looks now and then, and may miss who led shortly. */
    async *watch(
      name: string,
      {
        signal = new AbortController().signal,
        everyMs = 500,
      }: { signal?: AbortSignal; everyMs?: number } = {},
    ): AsyncGenerator<Leader | undefined, void, undefined> {
      let told: Leader | undefined;
      for (let first = true; !signal.aborted; await pause(clock, everyMs, signal)) {
        let seen: Leader | undefined;
        try {
          seen = await leader(name, { signal });
        } catch (error) {
          if (signal.aborted || mayPass(error)) continue;
          throw error;
        }
        if (first || seen?.token !== told?.token) yield seen;
        [told, first] = [seen, false];
      }
    },
  };
}

interface Parts {
  readonly machine: LocksMachine;
  readonly clock: ClientClock;
}

/** Undefined when it is taken and not to be waited for. */
async function acquire(
  parts: Parts,
  name: string,
  owner: string,
  wait: boolean,
  { ttlMs = 10_000, signal = new AbortController().signal, value, report = () => undefined }: AcquireOptions,
): Promise<Lock | undefined> {
  const { machine, clock } = parts;
  const ask = async (signal: AbortSignal) =>
    (
      await machine.acquire(
        { name, owner, ttlMs, now: clock.wall(), value, wait },
        { signal, timeoutMs: ATTEMPT_MS },
      )
    ).result;
  try {
    for (;;) {
      signal.throwIfAborted();
      const askedAt = clock.monotonic();
      let answer: Awaited<ReturnType<typeof ask>>;
      try {
        // A client of the library has a time limit of its own, at which it says what was wrong.
        answer = await within(clock, ATTEMPT_MS + 500, signal, ask);
      } catch (error) {
        if (!mayPass(error)) throw error;
        // What has become of it, nobody knows. It is sent anew: a holder gets the token that it has.
        report(`trying again: ${error instanceof SubmitError ? error.reason : (error as Error).message}`);
        await pause(clock, RETRY_MS, signal);
        continue;
      }
      switch (answer.kind) {
        case "held":
          signal.throwIfAborted();
          // Otherwise the answer took longer than the lease may.
          if (clock.monotonic() - askedAt < reliedOnMs(ttlMs))
            return new Lock(machine, clock, { name, owner, token: answer.token, ttlMs, askedAt });
          break;
        case "taken":
          return undefined;
        case "full":
          throw new LockError("full", `${name} cannot be had: ${answer.what}`);
        case "waiting":
          report(`waiting for ${name}: ${answer.by} has it; ahead of this one: ${answer.ahead}`);
          await untilTurn(parts, name, owner, answer.ahead, signal);
      }
    }
  } catch (error) {
    // It may have a place in the queue, or even the lock. If that is not heard either, both expire.
    await within(clock, LEAVE_MS, undefined, (signal) =>
      machine.leave({ name, owner, now: clock.wall() }, { signal }),
    ).catch(() => undefined);
    throw signal.aborted ? signal.reason : error;
  }
}

/** Resolves when it is this owner's turn to ask, or it has to ask all the same, to keep its place. */
async function untilTurn(
  { machine, clock }: Parts,
  name: string,
  owner: string,
  before: number,
  signal: AbortSignal,
): Promise<void> {
  const until = clock.monotonic() + PLACE_MS / 3;
  for (let ahead = before; ahead > 0 && clock.monotonic() < until && !signal.aborted;) {
    await pause(clock, Math.min(ahead * LOOK_MS, LONGEST_LOOK_MS), signal);
    const look = (signal: AbortSignal) => machine.ahead({ name, owner, now: clock.wall() }, { signal });
    try {
      ahead = (await within(clock, ATTEMPT_MS, signal, look)).result;
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
  }
}
