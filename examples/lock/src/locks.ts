// The state machine: who holds which lock, who waits for it, and for how long. Every replica has the same.
import { machineOf } from "@paxos/machine";
import { z } from "zod";
import { advance, elapsedBy, type LogicalTime } from "./logical-time.js";

/** An owner that waits has to ask again within this time, or loses its place. */
export const PLACE_MS = 10_000;
export const MAX_LOCKS = 10_000;
/** Of one lock. */
export const MAX_WAITERS = 100;
/** The most locks of one list. */
const MAX_LISTED = 500;

interface Waiter {
  readonly owner: string;
  /** In logical time. */
  readonly expiresAt: number;
}

interface Holder extends Waiter {
  /** The fencing token: the seq of the command that acquired the lock, so higher than that of every earlier holder of any lock. */
  readonly token: number;
  /** What it publishes: a leader's address, say. */
  readonly value?: string | undefined;
}

/** Is replaced when it changes, never changed, so that snapshots can share it. */
interface Lock {
  readonly holder?: Holder | undefined;
  /** First come, first served. */
  readonly waiters: readonly Waiter[];
}

interface Locks {
  readonly time: LogicalTime;
  /** Those that are held or waited for. One that has expired stays until somebody looks, and counts no more. */
  readonly locks: Map<string, Lock>;
}

type Acquired =
  | { readonly kind: "held"; readonly token: number }
  /** `ahead`: how many come before, the holder included. */
  | { readonly kind: "waiting"; readonly by: string; readonly ahead: number }
  | { readonly kind: "taken"; readonly by: string }
  | { readonly kind: "full"; readonly what: string };

const name = z.string().min(1).max(200);
const owner = z.string().min(1).max(200);
const ttlMs = z
  .int()
  .min(1_000)
  .max(24 * 3600 * 1000);
const value = z.string().max(1_000).optional();
const token = z.int().min(1);
/** The sender's time of day, in milliseconds since 1970. */
const now = z.int().min(0);

const { command, query, define } = machineOf<Locks>();

/** A lock without what has expired by then. */
function lockAt({ locks }: Locks, name: string, elapsed: number): Lock {
  const { holder, waiters = [] } = locks.get(name) ?? {};
  const lives = ({ expiresAt }: Waiter) => expiresAt > elapsed;
  return {
    holder: holder !== undefined && lives(holder) ? holder : undefined,
    waiters: waiters.filter(lives),
  };
}

/** Applies what time has brought, and gives the lock as it then stands. */
function lockNow(state: Locks, name: string, now: number): Lock {
  advance(state.time, now);
  return put(state, name, lockAt(state, name, state.time.elapsed));
}

function put({ locks }: Locks, name: string, lock: Lock): Lock {
  if (lock.holder === undefined && lock.waiters.length === 0) locks.delete(name);
  else locks.set(name, lock);
  return lock;
}

const without = (waiters: readonly Waiter[], owner: string) =>
  waiters.filter((waiter) => waiter.owner !== owner);

function hasRoom(state: Locks, name: string): boolean {
  if (state.locks.has(name) || state.locks.size < MAX_LOCKS) return true;
  for (const each of state.locks.keys()) put(state, each, lockAt(state, each, state.time.elapsed));
  return state.locks.size < MAX_LOCKS;
}

export const locks = define({
  initial: () => ({ time: { elapsed: 0, wall: 0 }, locks: new Map() }),
  commands: {
    /**
     * Takes the lock if it is free and this owner's turn. Otherwise the owner has a place in the queue, if it means to `wait`: there it takes the
     * lock by asking again, when those before it are gone. Whoever holds the lock already has its lease renewed and gets the same token:
     * who has had no answer simply asks again.
     */
    acquire: command(
      z.object({ name, owner, ttlMs, now, value, wait: z.boolean().default(true) }),
      (state, { name, owner, ttlMs, now, value, wait }, { seq }): Acquired => {
        const { holder, waiters } = lockNow(state, name, now);
        const [first] = waiters;
        const { elapsed } = state.time;
        const free = holder === undefined && (first === undefined || first.owner === owner);
        if (free || holder?.owner === owner) {
          if (!hasRoom(state, name)) return { kind: "full", what: `there are ${MAX_LOCKS} locks` };
          const token = holder?.token ?? seq;
          const next = { owner, token, value, expiresAt: elapsed + ttlMs };
          put(state, name, { holder: next, waiters: without(waiters, owner) });
          return { kind: "held", token };
        }
        const by = holder?.owner ?? first?.owner ?? "";
        if (!wait) return { kind: "taken", by };
        const known = waiters.findIndex((waiter) => waiter.owner === owner);
        if (known < 0 && waiters.length >= MAX_WAITERS)
          return { kind: "full", what: `${MAX_WAITERS} wait for ${name}` };
        const index = known < 0 ? waiters.length : known;
        const waiter = { owner, expiresAt: elapsed + PLACE_MS };
        put(state, name, {
          holder,
          waiters: [...waiters.slice(0, index), waiter, ...waiters.slice(index + 1)],
        });
        return { kind: "waiting", by, ahead: index + (holder === undefined ? 0 : 1) };
      },
    ),
    /** Prolongs the lease of who still holds it. A lease that is over stays over, even if nobody else has taken the lock. */
    renew: command(
      z.object({ name, owner, token, ttlMs, now }),
      (state, { name, owner, token, ttlMs, now }) => {
        const { holder, waiters } = lockNow(state, name, now);
        if (holder?.owner !== owner || holder.token !== token) return { kind: "lost" } as const;
        put(state, name, { holder: { ...holder, expiresAt: state.time.elapsed + ttlMs }, waiters });
        return { kind: "held" } as const;
      },
    ),
    /** Gives the lock up. */
    release: command(z.object({ name, owner, token, now }), (state, { name, owner, token, now }) => {
      const { holder, waiters } = lockNow(state, name, now);
      if (holder?.owner !== owner || holder.token !== token) return { kind: "lost" } as const;
      put(state, name, { waiters });
      return { kind: "released" } as const;
    }),
    /** For an owner that gives up while it acquires, and cannot know how far that has got: it neither waits nor holds from here on. */
    leave: command(z.object({ name, owner, now }), (state, { name, owner, now }) => {
      const { holder, waiters } = lockNow(state, name, now);
      put(state, name, {
        holder: holder?.owner === owner ? undefined : holder,
        waiters: without(waiters, owner),
      });
    }),
    /** Says that it is `now`, whatever commands have said before: for operators, when a clock was ahead. No lease ends by it. */
    resetClock: command(z.object({ now }), ({ time }, { now }) => void (time.wall = now)),
  },
  // They change nothing: what has expired by their `now` is left out, and goes when the next command comes.
  queries: {
    holder: query(z.object({ name, now }), (state, { name, now }) => {
      const elapsed = elapsedBy(state.time, now);
      const { holder, waiters } = lockAt(state, name, elapsed);
      return {
        ...(holder && { holder: { ...holder, expiresInMs: holder.expiresAt - elapsed } }),
        waiting: waiters.length,
      };
    }),
    /** How many come before this owner, the holder included; -1 when it has no place. */
    ahead: query(z.object({ name, owner, now }), (state, { name, owner, now }) => {
      const { holder, waiters } = lockAt(state, name, elapsedBy(state.time, now));
      const index = waiters.findIndex((waiter) => waiter.owner === owner);
      return index < 0 || holder === undefined ? index : index + 1;
    }),
    /** The locks whose names begin so, in their order, from behind `after` on. `clock`: what time commands have said it is. */
    list: query(
      z.object({ prefix: z.string().max(200), after: z.string().default(""), now }),
      (state, input) => {
        const elapsed = elapsedBy(state.time, input.now);
        const names = [...state.locks.keys()].filter(
          (name) => name.startsWith(input.prefix) && name > input.after,
        );
        const listed = names
          .toSorted()
          .slice(0, MAX_LISTED)
          .map((name) => {
            const { holder, waiters } = lockAt(state, name, elapsed);
            return {
              name,
              ...(holder && { holder: { ...holder, expiresInMs: holder.expiresAt - elapsed } }),
              waiting: waiters.length,
            };
          });
        return { clock: state.time.wall, locks: listed, more: names.length > MAX_LISTED };
      },
    ),
  },
  // Taken at once, as far as it can change: locks are replaced, not changed.
  snapshot: ({ time, locks }) => [{ ...time }, ...locks],
  restore: async (items) => {
    const state: Locks = { time: { elapsed: 0, wall: 0 }, locks: new Map() };
    let first = true;
    for await (const item of items) {
      if (first) Object.assign(state.time, item);
      else state.locks.set(...(item as [string, Lock]));
      first = false;
    }
    return state;
  },
});
