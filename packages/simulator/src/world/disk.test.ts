import { create } from "@bufbuild/protobuf";
import type { Save, StoredUpdates } from "@paxos/core";
import { PersistentStateSchema, StoredRunSchema, type StoredRun } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { Disk, type DiskConditions } from "./disk.js";
import { World } from "./world.js";

const plain: DiskConditions = { writeUs: [100, 200], slowPerMille: 0, slowUs: [0, 0] };
const slow: DiskConditions = { ...plain, writeUs: [1_000_000, 1_000_000] };

const run = (view: number, seq: number, updates: readonly number[], ordered = false): StoredRun =>
  create(StoredRunSchema, {
    ordered,
    proposal: { view: BigInt(view), seq: BigInt(seq), updates: updates.map((byte) => Uint8Array.of(byte)) },
  });

const save = (number: number, runs: readonly StoredRun[] = [], aru = 0, promised = number): Save => ({
  number,
  state: create(PersistentStateSchema, {
    saveNumber: BigInt(number),
    localAru: BigInt(aru),
    promisedView: BigInt(promised),
  }),
  runs,
  messages: [],
});

function setUp({ conditions = plain, seed = 1, encodes = false } = {}) {
  const world = new World(seed);
  /** What became durable, whoever heard of it. */
  const durable: number[] = [];
  /** What its node heard of. */
  const heard: { number: number; at: number }[] = [];
  const disk = new Disk(world, 0, 77n, conditions, encodes, ({ number }) => durable.push(number));
  const write = (one: Save) => disk.write(one, () => heard.push({ number: one.number, at: world.now }));
  /** Saves one after the other, each when the one before is durable. */
  const writeAll = async (...saves: Save[]) => {
    for (const one of saves) {
      write(one);
      await world.run(Infinity, () => !disk.writing);
    }
  };
  const read = async (from: number, upTo: number, maxBytes = 1e6): Promise<StoredUpdates | undefined> => {
    let answer: StoredUpdates | undefined;
    disk.read(from, upTo, maxBytes, (stored) => (answer = stored));
    await world.run(Infinity, () => answer !== undefined);
    return answer;
  };
  /** The updates, each of one byte. */
  const readBytes = async (from: number, upTo: number, maxBytes?: number) =>
    (await read(from, upTo, maxBytes))?.updates.map((update) => update[0]);
  return { world, disk, durable, heard, write, writeAll, read, readBytes };
}

describe("a save", () => {
  test("is durable after a while, not before, and then its node hears of it", async () => {
    const { world, disk, durable, heard, write } = setUp();
    write(save(1, [run(0, 1, [5])]));
    await world.run(99);
    expect([disk.writing, disk.lastSave, durable, heard]).toEqual([true, 0, [], []]);
    expect(disk.load()).toEqual({ storeId: 77n, runs: [] });
    await world.run(200);
    expect([disk.writing, disk.lastSave, durable]).toEqual([false, 1, [1]]);
    expect(heard).toMatchObject([{ number: 1 }]);
    expect(disk.load()).toMatchObject({ storeId: 77n, state: { saveNumber: 1n, promisedView: 1n } });
  });

  test("takes as long as is drawn, now and then longer", async () => {
    const { world, heard, writeAll } = setUp({
      conditions: { writeUs: [100, 200], slowPerMille: 200, slowUs: [5000, 6000] },
    });
    const latencies: number[] = [];
    for (let number = 1; number <= 1000; number++) {
      const before = world.now;
      await writeAll(save(number));
      latencies.push((heard.at(-1)?.at ?? NaN) - before);
    }
    const usual = latencies.filter((us) => us >= 100 && us <= 200);
    const late = latencies.filter((us) => us >= 5000 && us <= 6000);
    expect(usual.length + late.length).toBe(1000);
    expect(late.length).toBeGreaterThan(140);
    expect(late.length).toBeLessThan(260);
  });

  test("replaces the state and adds to the runs", async () => {
    const { disk, writeAll } = setUp();
    await writeAll(save(1, [run(0, 1, [5])], 0, 3), save(2, [run(0, 2, [6])], 0, 4));
    const { state, runs } = disk.load();
    expect(state).toMatchObject({ saveNumber: 2n, promisedView: 4n });
    expect(runs.map(({ proposal }) => proposal?.seq)).toEqual([1n, 2n]);
  });
});

describe("a disk that hangs", () => {
  test("finishes nothing until it is resumed, and then what is due at once", async () => {
    const { world, disk, heard, write } = setUp();
    disk.hang();
    write(save(1));
    await world.run(10_000);
    expect([heard, disk.writing]).toEqual([[], true]);
    disk.resume();
    expect(heard).toEqual([{ number: 1, at: 10_000 }]);
    await world.run(20_000);
    expect(heard).toHaveLength(1);
  });

  test("that is resumed before a save is due still takes its time", async () => {
    const { world, disk, heard, write } = setUp({ conditions: slow });
    write(save(1));
    disk.hang();
    await world.run(500_000);
    disk.resume();
    expect(heard).toEqual([]);
    await world.run(2_000_000);
    expect(heard).toEqual([{ number: 1, at: 1_000_000 }]);
  });

  test("hangs for as long as any of several reasons lasts", async () => {
    const { world, disk, heard, write } = setUp();
    disk.hang();
    disk.hang();
    write(save(1));
    await world.run(1000);
    disk.resume();
    await world.run(2000);
    expect(heard).toEqual([]);
    disk.resume();
    expect(heard).toEqual([{ number: 1, at: 2000 }]);
    disk.hang();
    write(save(2));
    await world.run(3000);
    expect(heard).toHaveLength(1);
  });

  test("answers no reads either", async () => {
    const { world, disk, writeAll } = setUp();
    await writeAll(save(1, [run(0, 1, [5])]));
    const answers: number[] = [];
    disk.hang();
    disk.read(1, 1, 100, () => answers.push(1));
    disk.read(1, 1, 100, () => answers.push(2));
    await world.run(world.now + 10_000);
    expect(answers).toEqual([]);
    disk.resume();
    expect(answers.toSorted((a, b) => a - b)).toEqual([1, 2]);
    await world.run(world.now + 10_000);
    expect(answers).toHaveLength(2);
  });
});

describe("a disk that becomes another", () => {
  test("is so for what is under way too", async () => {
    const { world, disk, heard, write, writeAll } = setUp({ conditions: slow });
    await writeAll(save(1, [run(0, 1, [5])]));
    const before = world.now;
    const reads: number[] = [];
    write(save(2));
    disk.read(1, 1, 100, () => reads.push(world.now - before));
    disk.become(plain);
    await world.run(Infinity);
    expect(heard[1]?.at).toBeLessThanOrEqual(before + 200);
    expect(reads).toHaveLength(1);
    expect(reads[0]).toBeLessThanOrEqual(200);
    expect(heard).toHaveLength(2);
    expect(disk.conditions).toBe(plain);
  });

  test("does not end a hang", async () => {
    const { world, disk, heard, write } = setUp({ conditions: slow });
    disk.hang();
    write(save(1));
    disk.become(plain);
    await world.run(500_000);
    expect(heard).toEqual([]);
    disk.resume();
    expect(heard).toEqual([{ number: 1, at: 500_000 }]);
  });
});

describe("a crash", () => {
  /** Crashes with a second save under way. */
  const crashWith = async (seed: number) => {
    const { world, disk, durable, heard, write, writeAll } = setUp({ seed });
    await writeAll(save(1, [run(0, 1, [5])]));
    write(save(2, [run(0, 2, [6, 7])]));
    await world.run(world.now + 50);
    disk.crash();
    expect(disk.writing).toBe(false);
    const { state, runs } = disk.load();
    await world.run(Infinity);
    // Whatever became of it: its node is dead, and it comes to no other end.
    expect(heard.map(({ number }) => number)).toEqual([1]);
    expect(disk.load()).toEqual({ storeId: 77n, state, runs });
    return { number: disk.lastSave, durable, runs: runs.map(({ proposal }) => proposal?.updates.length) };
  };

  test("loses a save under way, or keeps all of it, which is told: never a part of it", async () => {
    const lost = { number: 1, durable: [1], runs: [1] };
    const kept = { number: 2, durable: [1, 2], runs: [1, 2] };
    let keptCount = 0;
    for (let seed = 0; seed < 300; seed++) {
      const outcome = await crashWith(seed);
      expect([lost, kept]).toContainEqual(outcome);
      keptCount += outcome.number - 1;
    }
    // One in three is kept; of the others half are lost whole, and half are torn, which is as good as lost.
    expect(keptCount).toBeGreaterThan(70);
    expect(keptCount).toBeLessThan(130);
  });

  test("keeps what was durable, and forgets what nobody reads any more", async () => {
    const { world, disk, writeAll, readBytes } = setUp();
    await writeAll(save(1, [run(0, 1, [5, 6])], 0));
    let answered = false;
    disk.read(1, 2, 100, () => (answered = true));
    disk.crash();
    await world.run(Infinity);
    expect(answered).toBe(false);
    expect(disk.lastSave).toBe(1);
    expect(await readBytes(1, 2)).toEqual([5, 6]);
  });

  test("is survived: the next save becomes durable as usual", async () => {
    const { disk, durable, heard, write, writeAll } = setUp({ seed: 4 });
    write(save(1));
    disk.crash();
    const next = disk.lastSave + 1;
    await writeAll(save(next));
    expect(durable.at(-1)).toBe(next);
    expect(heard.map(({ number }) => number)).toEqual([next]);
  });
});

describe("reading", () => {
  test("gives what was asked for, as far as it fits, and at least one", async () => {
    const { writeAll, read, readBytes } = setUp();
    await writeAll(save(1, [run(0, 1, [11, 12, 13]), run(0, 4, [14, 15])], 5));
    expect(await read(2, 4)).toMatchObject({ seq: 2, firstSeq: 1 });
    expect(await readBytes(2, 4)).toEqual([12, 13, 14]);
    expect(await readBytes(1, 5, 3)).toEqual([11, 12, 13]);
    expect(await readBytes(1, 5, 0)).toEqual([11]);
    expect(await readBytes(5, 9)).toEqual([15]);
    expect(await readBytes(6, 9)).toEqual([]);
  });

  test("takes half as long as writing", async () => {
    const { world, read, writeAll } = setUp({ conditions: slow });
    await writeAll(save(1, [run(0, 1, [5])]));
    const before = world.now;
    await read(1, 1);
    expect(world.now - before).toBe(500_000);
  });

  test("where runs overlap, an ordered one counts, else that of the highest view", async () => {
    const { writeAll, readBytes } = setUp();
    await writeAll(
      save(1, [run(2, 1, [21, 22, 23, 24])]),
      save(2, [run(5, 2, [52, 53])]),
      // Of a lower view, though saved later.
      save(3, [run(3, 3, [33, 34])]),
    );
    expect(await readBytes(1, 4)).toEqual([21, 52, 53, 34]);
    await writeAll(save(4, [run(0, 2, [92], true)]), save(5, [run(9, 2, [99, 98])]));
    expect(await readBytes(1, 4)).toEqual([21, 92, 98, 34]);
  });

  test("includes what is written while a read is under way, not what is not durable", async () => {
    const { world, disk, write, readBytes } = setUp({ conditions: slow });
    write(save(1, [run(0, 1, [5])]));
    expect(await readBytes(1, 1)).toEqual([]);
    expect(disk.writing).toBe(true);
    await world.run(Infinity);
    expect(await readBytes(1, 1)).toEqual([5]);
  });
});

describe("loading", () => {
  test("gives runs that reach above the ARU, in the order in which they were saved", async () => {
    const { disk, writeAll } = setUp();
    await writeAll(
      save(1, [run(0, 1, [1, 2]), run(0, 3, [3, 4])], 0),
      save(2, [run(1, 3, [3])], 2),
      save(3, [run(1, 4, [4])], 3),
    );
    expect(disk.durableAru).toBe(3);
    const runs = disk.load().runs.map(({ proposal }) => [Number(proposal?.view), Number(proposal?.seq)]);
    expect(runs).toEqual([
      [0, 3],
      [1, 4],
    ]);
  });

  test("forgets nothing above the ARU, however many runs there are", async () => {
    const { disk, writeAll, readBytes } = setUp();
    for (let seq = 1; seq <= 600; seq++)
      await writeAll(save(seq, [run(0, seq, [seq & 255])], Math.max(0, seq - 400)));
    expect(disk.load().runs.map(({ proposal }) => Number(proposal?.seq))).toEqual(
      Array.from({ length: 400 }, (_, i) => 201 + i),
    );
    expect(await readBytes(1, 3)).toEqual([1, 2, 3]);
  });

  test("gives copies: what a process does to them is not on the disk", async () => {
    const { disk, writeAll } = setUp();
    await writeAll(save(1, [run(0, 1, [5])]));
    const first = disk.load();
    if (first.state !== undefined) first.state.promisedView = 99n;
    for (const { proposal } of first.runs) proposal?.updates[0]?.fill(9);
    const { state, runs } = disk.load();
    expect(state?.promisedView).toBe(1n);
    expect(runs[0]?.proposal?.updates).toEqual([Uint8Array.of(5)]);
  });

  test("where saves are copied, what their writer changes afterwards is not on the disk", async () => {
    const { disk, write, world, readBytes } = setUp({ encodes: true });
    const one = save(1, [run(0, 1, [5])]);
    write(one);
    one.state.promisedView = 99n;
    one.runs[0]?.proposal?.updates[0]?.fill(9);
    await world.run(Infinity);
    expect(disk.load().state?.promisedView).toBe(1n);
    expect(await readBytes(1, 1)).toEqual([5]);
  });
});
