// The state machine beside a naive one: a Map, with every end looked at every time.
import { expect, test } from "@jest/globals";
import { clientOf } from "@paxos/machine";
import fc from "fast-check";
import { kv, MAX_KEY_BYTES, MAX_VALUE_BYTES } from "./machine.js";

/** A client of one copy, which applies at once. */
function makeStore(machine = kv.create(), from = 0) {
  let seq = from;
  return {
    machine,
    client: clientOf(kv, {
      submit: async (update) => ({ seq: ++seq, result: machine.apply(update, seq, 0) }),
      read: async (query) => ({ seq, result: machine.query(query) }),
    }),
  };
}

interface NaiveEntry {
  readonly value: string;
  readonly version: number;
  readonly expiresAt: number;
}

/** What there is, by a Map; and everything that watchers are to be told. */
class NaiveStore {
  readonly entries = new Map<string, NaiveEntry>();
  readonly told: string[] = [];
  #time = 0;

  advance(seq: number, now: number): void {
    this.#time = Math.max(this.#time, now);
    const over = [...this.entries].filter(([, { expiresAt }]) => expiresAt <= this.#time);
    for (const [key] of over.sort(([k, a], [l, b]) => a.expiresAt - b.expiresAt || (k < l ? -1 : 1))) {
      this.entries.delete(key);
      this.told.push(`${seq} ${key} expired`);
    }
  }

  put(seq: number, key: string, value: string, ttl: number | undefined, ifVersion: number | undefined): void {
    if (ifVersion !== undefined && (this.entries.get(key)?.version ?? 0) !== ifVersion) return;
    this.entries.set(key, {
      value,
      version: seq,
      expiresAt: ttl === undefined ? Infinity : this.#time + ttl,
    });
    this.told.push(`${seq} ${key} ${value}`);
  }

  delete(seq: number, key: string): void {
    if (this.entries.delete(key)) this.told.push(`${seq} ${key} deleted`);
  }
}

const key = fc.constantFrom("a", "a/1", "a/2", "b", "ü");
const step = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    key,
    value: fc.string({ maxLength: 3 }),
    ttl: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    ifVersion: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("delete" as const), key }),
  fc.record({ kind: fc.constant("advance" as const) }),
);

test("whatever is done, the store holds, lists and tells what a naive one does; a snapshot changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.integer({ min: 0, max: 20 })), { maxLength: 40 }),
      fc.nat({ max: 40 }),
      async (steps, snapshotAt) => {
        let store = makeStore();
        const naive = new NaiveStore();
        let seq = 0;
        for (const [one, now] of steps) {
          if (seq === snapshotAt) store = await restored(store, seq);
          naive.advance(++seq, now);
          if (one.kind === "put") {
            const { kind: _kind, ...input } = one;
            await store.client.put({ ...input, now });
            naive.put(seq, one.key, one.value, one.ttl, one.ifVersion);
          } else if (one.kind === "delete") {
            await store.client.delete({ key: one.key, now });
            naive.delete(seq, one.key);
          } else await store.client.advance({ now });
        }
        const { entries } = (await store.client.list({ prefix: "a" })).result;
        const expected = [...naive.entries]
          .filter(([key]) => key.startsWith("a"))
          .sort(([a], [b]) => (a < b ? -1 : 1));
        expect(entries.map(({ key, value, version }) => [key, value, version])).toEqual(
          expected.map(([key, { value, version }]) => [key, value, version]),
        );
        for (const key of ["a", "b", "ü"])
          expect((await store.client.get({ key })).result?.value).toBe(naive.entries.get(key)?.value);
        const told = store.machine.state.history
          .after(0, Infinity)
          .flatMap(({ seq, changes }) =>
            changes.map((change) => `${seq} ${change.key} ${"gone" in change ? change.gone : change.value}`),
          );
        // In this very order, from a snapshot or not: watchers are told the same by every server.
        expect(told).toEqual(naive.told);
        expect(store.machine.state.waitsForTime).toBe(
          [...naive.entries.values()].some(({ expiresAt }) => expiresAt !== Infinity),
        );
      },
    ),
  );
});

/** The same store, out of its snapshot; its seqs go on. */
async function restored({ machine }: ReturnType<typeof makeStore>, seq: number) {
  const copy = await copyOf(piecesOf(machine));
  expect(copy.state.entries.toArray()).toEqual(machine.state.entries.toArray());
  return makeStore(copy, seq);
}

function piecesOf({ snapshot }: ReturnType<typeof kv.create>): Iterable<Uint8Array> {
  if (snapshot === undefined) throw new Error("it gives no snapshots");
  return snapshot() as Iterable<Uint8Array>;
}

async function copyOf(pieces: Iterable<Uint8Array>) {
  const copy = kv.create();
  async function* read() {
    yield* pieces;
  }
  await copy.restore?.(read());
  return copy;
}

test("what ends at the same time is told in the same order by who was there and by who began with a snapshot", async () => {
  const store = makeStore();
  for (const [key, ttl] of [
    ["c", 2],
    ["a", 2],
    ["d", 1],
    ["b", 1],
  ] as const)
    await store.client.put({ key, value: "", ttl, now: 10 });
  const copy = await restored(store, 4);
  for (const { client } of [store, copy]) await client.advance({ now: 20 });
  const [told, others] = [store, copy].map(({ machine }) => machine.state.history.after(4, 1));
  expect(told?.[0]?.changes.map(({ key }) => key)).toEqual(["b", "d", "a", "c"]);
  expect(others).toEqual(told);
});

test("what is changed while a snapshot is being taken does not show in it", async () => {
  const { machine, client } = makeStore();
  for (let i = 0; i < 2_000; i++) await client.put({ key: `key ${i}`, value: "x".repeat(100), now: 0 });
  const pieces = piecesOf(machine)[Symbol.iterator]();
  const taken = [pieces.next().value as Uint8Array];
  for (let i = 0; i < 2_000; i += 2) await client.delete({ key: `key ${i}`, now: 0 });
  for (let next = pieces.next(); next.done !== true; next = pieces.next()) taken.push(next.value);
  const copy = await copyOf(taken);
  expect(copy.state.entries.size).toBe(2_000);
  expect(machine.state.entries.size).toBe(1_000);
});

test("a page ends at its limit, or when it is large, and the next one begins behind it", async () => {
  const { client } = makeStore();
  const value = "x".repeat(MAX_VALUE_BYTES);
  for (let i = 10; i < 40; i++) await client.put({ key: `${i}`, value, now: 0 });
  const keys: string[] = [];
  const sizes: number[] = [];
  for (let after: string | undefined, more = true; more; after = keys.at(-1)) {
    const page = (await client.list({ after })).result;
    keys.push(...page.entries.map(({ key }) => key));
    sizes.push(page.entries.length);
    more = page.more;
  }
  expect(keys).toEqual(Array.from({ length: 30 }, (_, i) => `${i + 10}`));
  expect(sizes).toEqual([16, 14]);
  expect((await client.list({ prefix: "2", after: "24", limit: 3 })).result).toMatchObject({
    entries: [{ key: "25" }, { key: "26" }, { key: "27" }],
    more: true,
  });
  expect((await client.list({ prefix: "2", after: "1" })).result.entries[0]?.key).toBe("20");
});

test("keys and values have their limits, in bytes", async () => {
  const { client } = makeStore();
  await client.put({ key: "ü".repeat(MAX_KEY_BYTES / 2), value: "", now: 0 });
  await expect(
    client.put({ key: "ü".repeat(MAX_KEY_BYTES / 2 + 1), value: "", now: 0 }),
  ).rejects.toMatchObject({
    code: "invalid",
    message: `put: key: it is longer than ${MAX_KEY_BYTES} bytes of UTF-8`,
  });
  await expect(
    client.put({ key: "a", value: "x".repeat(MAX_VALUE_BYTES + 1), now: 0 }),
  ).rejects.toMatchObject({
    message: `put: value: it is longer than ${MAX_VALUE_BYTES} bytes of UTF-8`,
  });
});
