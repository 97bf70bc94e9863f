// The state machine: all that can be done to a store, and asked of it.
import { machineOf } from "@paxos/machine";
import { z } from "zod";
import type { Change } from "./history.js";
import { Store, type Entry } from "./store.js";

/** The longest key and value, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 512;
export const MAX_VALUE_BYTES = 256 * 1024;
/** The longest time to live: a year. */
const MAX_TTL_SECONDS = 365 * 24 * 3600;
/** The most entries of one answer. */
export const MAX_LISTED = 1_000;
/** The most bytes of values in one answer. */
const MAX_LISTED_BYTES = 4 * 1024 * 1024;

const encoder = new TextEncoder();
const text = (maxBytes: number) =>
  z
    .string()
    .refine(
      (string) => encoder.encode(string).length <= maxBytes,
      `it is longer than ${maxBytes} bytes of UTF-8`,
    );

const key = text(MAX_KEY_BYTES).min(1);
/** Only if the key's entry has this version; 0: only if there is none. */
const ifVersion = z.int().min(0).optional();
/** Seconds since 1970, by the clock of who sends the command. */
const now = z.int().min(0);

const { command, query, define } = machineOf<Store>();

/** What became of a write. `current` is what the key has held instead of what was expected. */
type Written =
  | { readonly kind: "done"; readonly version: number }
  | { readonly kind: "conflict"; readonly current: Entry | null };

function conflict(store: Store, key: string, expected: number | undefined) {
  const current = store.entries.get(key);
  if (expected === undefined || (current?.version ?? 0) === expected) return undefined;
  return { kind: "conflict", current: current ?? null } as const;
}

/** Applies what time has brought, then the write itself, as one revision. */
function write(store: Store, seq: number, now: number, act: () => Change | undefined): void {
  const changes = store.advance(now);
  const change = act();
  if (change !== undefined) changes.push(change);
  store.history.add({ seq, changes });
}

export const kv = define({
  initial: () => new Store(),
  commands: {
    /** Writes a key, for ever or for `ttl` seconds. */
    put: command(
      z.object({
        key,
        value: text(MAX_VALUE_BYTES),
        ttl: z.int().min(1).max(MAX_TTL_SECONDS).optional(),
        ifVersion,
        now,
      }),
      (store, { key, value, ttl, ifVersion, now }, { seq }): Written => {
        let refused: Written | undefined;
        write(store, seq, now, () => {
          refused = conflict(store, key, ifVersion);
          if (refused !== undefined) return undefined;
          store.set(key, { value, version: seq, ...(ttl !== undefined && { expiresAt: store.time + ttl }) });
          return { key, value };
        });
        return refused ?? { kind: "done", version: seq };
      },
    ),
    delete: command(
      z.object({ key, ifVersion, now }),
      (store, { key, ifVersion, now }, { seq }): Written | { readonly kind: "absent" } => {
        let refused: Written | undefined;
        let existed = false;
        write(store, seq, now, () => {
          refused = conflict(store, key, ifVersion);
          existed = refused === undefined && store.remove(key);
          return existed ? { key, gone: "deleted" } : undefined;
        });
        return refused ?? (existed ? { kind: "done", version: seq } : { kind: "absent" });
      },
    ),
    /** Time has passed, though nobody writes. */
    advance: command(z.object({ now }), (store, { now }, { seq }) => {
      write(store, seq, now, () => undefined);
    }),
  },
  queries: {
    get: query(z.object({ key }), (store, { key }) => {
      const entry = store.entries.get(key);
      return entry === undefined ? null : { ...entry, time: store.time };
    }),
    /** The entries whose keys begin with `prefix`, from the first one behind `after` on, and whether there are more. */
    list: query(
      z.object({
        prefix: text(MAX_KEY_BYTES).default(""),
        after: text(MAX_KEY_BYTES).optional(),
        limit: z.int().min(1).max(MAX_LISTED).default(MAX_LISTED),
      }),
      (store, { prefix, after, limit }) => {
        const entries: ({ readonly key: string } & Entry)[] = [];
        let bytes = 0;
        const from = after !== undefined && after >= prefix ? after : prefix;
        for (const [key, entry] of store.entries.entries(from)) {
          if (!key.startsWith(prefix)) break;
          if (key === after) continue;
          bytes += encoder.encode(entry.value).length;
          if (entries.length === limit || (entries.length > 0 && bytes > MAX_LISTED_BYTES))
            return { entries, more: true };
          entries.push({ key, ...entry });
        }
        return { entries, more: false };
      },
    ),
  },
  snapshot: (store) => store.items(),
  restore: (items) => Store.from(items),
});
