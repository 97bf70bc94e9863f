// What every storage does. Each adapter's test runs it.
import { afterEach, expect, test } from "@jest/globals";
import { InvariantError, type Storage } from "@paxos/core";
import { encodedSize } from "../src/merge-runs.js";
import { content, makeSave, seededRandom, texts, type RunFields } from "./builders.js";

export function testStorage(make: () => Promise<Storage>): void {
  const opened: Storage[] = [];
  const open = async (): Promise<Storage> => {
    const storage = await make();
    opened.push(storage);
    return storage;
  };
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });

  test("new storage holds nothing and has an id", async () => {
    const stored = await (await open()).load();
    expect(stored.storeId).toBeGreaterThan(0n);
    expect(stored.state).toBeUndefined();
    expect(stored.runs).toEqual([]);
  });

  test("two storages have different ids", async () => {
    const [a, b] = [await (await open()).load(), await (await open()).load()];
    expect(a.storeId).not.toBe(b.storeId);
  });

  test("gives back ordered updates, saved in several runs and saves", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(
      makeSave(1, 0, [
        { seq: 1, count: 3 },
        { seq: 4, count: 1 },
      ]),
    );
    await storage.save(makeSave(2, 6, [{ seq: 5, count: 2 }]));
    const { seq, updates, firstSeq } = await storage.read(2, 6, 1000);
    expect({ seq, firstSeq }).toEqual({ seq: 2, firstSeq: 1 });
    expect(texts(updates)).toEqual(["2@0.0", "3@0.0", "4@0.0", "5@0.0", "6@0.0"]);
  });

  test("reads nothing when `from` is above `upTo`", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(makeSave(1, 2, [{ seq: 1, count: 2 }]));
    expect(await storage.read(3, 2, 1000)).toEqual({ seq: 3, updates: [], firstSeq: 1 });
  });

  test("stops at maxBytes, and gives at least one update", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(
      makeSave(1, 8, [
        { seq: 1, count: 4, size: 100 },
        { seq: 5, count: 4, size: 100 },
      ]),
    );
    const counts = [0, 101, 102, 203, 204, 611, 612, 815, 816, 5000];
    const read = await Promise.all(counts.map((maxBytes) => storage.read(1, 8, maxBytes)));
    expect(read.map(({ updates }) => updates.length)).toEqual([1, 1, 1, 1, 2, 5, 6, 7, 8, 8]);
  });

  test("finds the longest run from its last seq", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(
      makeSave(1, 4097, [
        { seq: 1, count: 1 },
        { seq: 2, count: 4096 },
      ]),
    );
    expect(texts((await storage.read(4097, 4097, 1)).updates)).toEqual(["4097@0.0"]);
  });

  test("an ordered run counts before every ballot, a higher ballot before a lower one", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(makeSave(1, 0, [{ seq: 1, count: 5, epoch: 1, view: 2 }]));
    await storage.save(makeSave(2, 0, [{ seq: 2, count: 5, epoch: 1, view: 10 }]));
    await storage.save(makeSave(3, 0, [{ seq: 4, count: 1, epoch: 2, view: 0 }]));
    await storage.save(makeSave(4, 6, [{ seq: 5, count: 1, epoch: 0, view: 1, ordered: true }]));
    const { updates } = await storage.read(1, 6, 1000);
    expect(texts(updates)).toEqual(["1@1.2", "2@1.10", "3@1.10", "4@2.0", "5@ordered", "6@1.10"]);
  });

  test("a shorter run of the same ballot does not hide a longer one, in either order", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(
      makeSave(1, 0, [
        { seq: 1, count: 4 },
        { seq: 5, count: 1 },
      ]),
    );
    await storage.save(
      makeSave(2, 8, [
        { seq: 1, count: 2 },
        { seq: 5, count: 4 },
      ]),
    );
    expect((await storage.read(1, 8, 1000)).updates).toHaveLength(8);
  });

  test("overlapping runs are merged as a naive twin does it", async () => {
    for (let seed = 1; seed <= 25; seed++) await checkAgainstTwin(await open(), seed);
  });

  test("a missing seq is an error that names storage and seq", async () => {
    const storage = await open();
    await storage.load();
    await storage.save(
      makeSave(1, 6, [
        { seq: 1, count: 2 },
        { seq: 4, count: 3 },
      ]),
    );
    expect(texts((await storage.read(1, 2, 1000)).updates)).toEqual(["1@0.0", "2@0.0"]);
    await expect(storage.read(1, 6, 1000)).rejects.toThrow(/no record holds seq 3/);
  });

  test("what is changed after it was saved stays as it was saved", async () => {
    const storage = await open();
    await storage.load();
    const save = makeSave(1, 2, [{ seq: 1, count: 2 }]);
    await storage.save(save);
    const updates = save.runs[0]?.proposal?.updates;
    updates?.[0]?.fill(0);
    updates?.pop();
    expect(texts((await storage.read(1, 2, 1000)).updates)).toEqual(["1@0.0", "2@0.0"]);
  });

  test.each([
    ["repeated", makeSave(1, 0, [])],
    ["skipped", makeSave(3, 0, [])],
    ["not the one in the state", { ...makeSave(2, 0, []), state: makeSave(3, 0, []).state }],
  ])("a save number that is %s is refused, and everything after it", async (_, wrong) => {
    const storage = await open();
    await storage.load();
    await storage.save(makeSave(1, 0, []));
    await expect(storage.save(wrong)).rejects.toThrow(InvariantError);
    await expect(storage.save(makeSave(2, 0, []))).rejects.toThrow(/both must be 2/);
  });

  test.each([
    ["no update", { seq: 1, count: 0 }],
    ["4,097 updates", { seq: 1, count: 4097 }],
    ["a seq below 1", { seq: 0, count: 1 }],
    ["a seq above 2^53", { seq: Number.MAX_SAFE_INTEGER, count: 1 }],
  ])("a run with %s is refused", async (_, run) => {
    const storage = await open();
    await storage.load();
    await expect(storage.save(makeSave(1, 0, [run]))).rejects.toThrow(InvariantError);
  });

  test("calls outside the contract are refused", async () => {
    const storage = await open();
    await expect(storage.save(makeSave(1, 0, []))).rejects.toThrow(/before load/);
    await expect(storage.read(1, 1, 1)).rejects.toThrow(/before load/);
    await storage.load();
    await expect(storage.load()).rejects.toThrow(/twice/);
    await storage.save(makeSave(1, 1, [{ seq: 1, count: 2 }]));
    await expect(storage.read(0, 1, 1)).rejects.toThrow(InvariantError);
    await expect(storage.read(1, 2, 1)).rejects.toThrow(/allowed is 1 to 1/);
  });

  test("two saves at a time are refused", async () => {
    const storage = await open();
    await storage.load();
    const first = storage.save(makeSave(1, 0, []));
    await expect(storage.save(makeSave(2, 0, []))).rejects.toThrow(/another was under way/);
    await first;
  });

  test("closes twice, before load too, and serves nothing afterwards", async () => {
    const unused = await open();
    await unused.close();
    await expect(unused.load()).rejects.toThrow(/closed/);
    const storage = await open();
    await storage.load();
    await Promise.all([storage.close(), storage.close()]);
    await storage.close();
    await expect(storage.save(makeSave(1, 0, []))).rejects.toThrow(/closed/);
    await expect(storage.read(1, 1, 1)).rejects.toThrow(/closed/);
  });
}

/** Saves random runs of several ballots over one another; every seq has at least one. */
async function checkAgainstTwin(storage: Storage, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const last = 1 + random(150);
  const ballot = () => ({ epoch: random(3), view: random(4), ordered: random(5) === 0 });
  const runs: RunFields[] = [];
  for (let seq = 1; seq <= last; seq += runs.at(-1)?.count ?? 1)
    runs.push({ seq, count: 1 + random(9), ...ballot() });
  for (let i = random(60); i > 0; i--)
    runs.push({ seq: 1 + random(last), count: 1 + random(30), ...ballot() });

  const rank = (run: RunFields) => (run.ordered ? 100 : (run.epoch ?? 0) * 10 + (run.view ?? 0));
  const twin = new Map<number, RunFields>();
  for (const run of runs) {
    for (let seq = run.seq; seq < run.seq + run.count; seq++) {
      const known = twin.get(seq);
      if (known === undefined || rank(run) > rank(known)) twin.set(seq, run);
    }
  }

  await storage.load();
  runs.sort(() => random(3) - 1);
  for (let number = 1; runs.length > 0; number++)
    await storage.save(makeSave(number, last, runs.splice(0, 1 + random(4))));
  for (let i = 0; i < 40; i++) {
    const from = 1 + random(last);
    const upTo = from + random(last - from + 1);
    const maxBytes = random(3) === 0 ? 10_000 : random(200);
    const { updates } = await storage.read(from, upTo, maxBytes);
    const expected = naiveRead(twin, from, upTo, maxBytes);
    expect({ seed, from, upTo, updates: texts(updates) }).toEqual({ seed, from, upTo, updates: expected });
  }
}

function naiveRead(
  twin: ReadonlyMap<number, RunFields>,
  from: number,
  upTo: number,
  maxBytes: number,
): string[] {
  const read: string[] = [];
  let bytes = 0;
  for (let seq = from; seq <= upTo; seq++) {
    const run = twin.get(seq);
    if (run === undefined) throw new Error(`the twin has no seq ${seq}`);
    const text = content(run, seq);
    bytes += encodedSize(new TextEncoder().encode(text));
    if (read.length > 0 && bytes > maxBytes) break;
    read.push(text);
  }
  return read;
}
