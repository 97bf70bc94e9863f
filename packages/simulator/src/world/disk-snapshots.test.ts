import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { firstEpoch, type Save } from "@paxos/core";
import { PersistentStateSchema, StoredRunSchema, type Snapshot } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { Random } from "../random.js";
import { Disk } from "./disk.js";
import { DiskSnapshots } from "./disk-snapshots.js";
import { World } from "./world.js";

const record = firstEpoch(["a:1", "b:1"]);
const pieces = [1, 2, 3].map((byte) => Uint8Array.of(byte, byte));

/** A snapshot of another node, and its chunks. */
function ofPeer(seq: number, origin = 9n) {
  const theirs = new DiskSnapshots();
  const snapshot = theirs.hold(seq, origin, record, pieces);
  const chunk = (index: number) => {
    const found = theirs.readChunk(snapshot, index);
    if (found === undefined) throw new Error(`no chunk ${index}`);
    return found;
  };
  return { snapshot, chunk };
}

const save = (number: number, aru: number, seqs: readonly number[] = [], install?: Snapshot): Save => ({
  number,
  state: create(PersistentStateSchema, { saveNumber: BigInt(number), localAru: BigInt(aru) }),
  runs: seqs.map((seq) =>
    create(StoredRunSchema, { proposal: { view: 1n, seq: BigInt(seq), updates: [Uint8Array.of(seq)] } }),
  ),
  messages: [],
  ...(install && { install }),
});

function setUp(seed = 1) {
  const world = new World(seed);
  const conditions = { writeUs: [100, 200], slowPerMille: 0, slowUs: [0, 0] } as const;
  const disk = new Disk(world, 0, 77n, conditions, false, () => undefined);
  const failures: string[] = [];
  const write = async (one: Save) => {
    let ended = false;
    disk.write(
      one,
      () => (ended = true),
      (error) => {
        failures.push(error.message);
        ended = true;
      },
    );
    await world.run(Infinity, () => ended);
  };
  return { world, disk, write, failures, contents: () => disk.contents };
}

describe("receiving", () => {
  test("takes chunks in their order, each once, and says which one it wants", () => {
    const { snapshot, chunk } = ofPeer(10);
    const snapshots = new DiskSnapshots();
    expect(snapshots.receive(snapshot, 1, chunk(1))).toBe(0);
    expect(snapshots.receive(snapshot, 0, chunk(0))).toBe(1);
    expect(snapshots.receive(snapshot, 0, chunk(0))).toBe(1);
    expect(snapshots.receive(snapshot, 2, chunk(2))).toBe(1);
    expect(snapshots.incoming).toMatchObject({ snapshot: { seq: 10n }, next: 1 });
    expect(snapshots.receive(snapshot, 1, { ...chunk(1), checksum: 1 })).toBe(1);
    expect(snapshots.receive(snapshot, 1, chunk(1))).toBe(2);
    expect(snapshots.hasReceived(snapshot)).toBe(false);
    expect(snapshots.receive(snapshot, 2, chunk(2))).toBe(3);
    expect(snapshots.hasReceived(snapshot)).toBe(true);
  });

  test("begins anew with chunk 0 of another, and forgets what does not add up", () => {
    const [a, b] = [ofPeer(10), ofPeer(20)];
    const snapshots = new DiskSnapshots();
    snapshots.receive(a.snapshot, 0, a.chunk(0));
    expect(snapshots.receive(b.snapshot, 1, b.chunk(1))).toBe(0);
    expect(snapshots.receive(b.snapshot, 0, b.chunk(0))).toBe(1);
    expect(snapshots.incoming?.snapshot.seq).toBe(20n);
    const liar = { ...b.snapshot, seq: 30n, checksum: 5 };
    for (const index of [0, 1]) snapshots.receive(liar, index, b.chunk(index));
    expect(snapshots.receive(liar, 2, b.chunk(2))).toBe(0);
    expect(snapshots.incoming).toBeUndefined();
  });

  test("a crash takes back the latest chunks, or none", () => {
    const left = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const { snapshot, chunk } = ofPeer(10);
      const snapshots = new DiskSnapshots();
      for (const index of [0, 1, 2]) snapshots.receive(snapshot, index, chunk(index));
      snapshots.crash(new Random(seed));
      left.add(snapshots.incoming?.next ?? 0);
    }
    expect([...left].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });
});

describe("a snapshot held", () => {
  test("is read back chunk by chunk, with the checksums of all bytes so far", () => {
    const { snapshot, chunk } = ofPeer(10);
    expect(snapshot).toMatchObject({ chunks: 3, bytes: 6n, checksum: crc32(Buffer.concat(pieces)) });
    expect(chunk(1)).toEqual({ data: pieces[1], checksum: crc32(Buffer.from([1, 1, 2, 2])) });
  });

  test("stays while it is the latest or kept", () => {
    const snapshots = new DiskSnapshots();
    const all = [10, 20, 30].map((seq) => snapshots.hold(seq, 77n, record, pieces));
    snapshots.keep([{ seq: 10n, origin: 77n }]);
    expect(snapshots.held.map(({ seq }) => seq)).toEqual([10n, 30n]);
    expect(snapshots.readChunk(all[1] as Snapshot, 0)).toBeUndefined();
  });

  test("that is damaged is given to nobody", () => {
    const snapshots = new DiskSnapshots();
    const snapshot = snapshots.hold(10, 77n, record, [Uint8Array.of(1)]);
    expect(snapshots.damage(3)).toBe(true);
    expect(() => snapshots.readChunk(snapshot, 0)).toThrow("damaged");
  });
});

describe("a save that installs a snapshot", () => {
  test("puts it in place of the log up to its seq, and leaves what was accepted above", async () => {
    const { write, disk, contents } = setUp();
    await write(save(1, 3, [1, 2, 3, 11, 12]));
    const { snapshot, chunk } = ofPeer(10);
    for (const index of [0, 1, 2]) contents().snapshots.receive(snapshot, index, chunk(index));
    await write(save(2, 10, [], snapshot));
    const loaded = disk.load();
    expect(loaded).toMatchObject({ firstSeq: 11, snapshots: [{ seq: 10n }], state: { localAru: 10n } });
    expect(loaded.incoming).toBeUndefined();
    expect(loaded.runs.map(({ proposal }) => proposal?.seq)).toEqual([11n, 12n]);
    expect(contents().read(3, 12, 100)).toEqual({ seq: 3, updates: [], firstSeq: 11 });
    expect(contents().read(11, 12, 100).updates).toHaveLength(2);
  });

  test("is there as a whole after a crash, or not at all", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const { world, disk, write, contents } = setUp(seed);
      await write(save(1, 3, [1, 2, 3]));
      const { snapshot, chunk } = ofPeer(10);
      for (const index of [0, 1, 2]) contents().snapshots.receive(snapshot, index, chunk(index));
      disk.write(save(2, 10, [11], snapshot), () => undefined);
      await world.run(world.now + 20);
      disk.crash();
      const { state, snapshots, firstSeq, runs } = disk.load();
      seen.add([state?.localAru, snapshots?.length, firstSeq, runs.length].join());
    }
    expect(seen).toEqual(new Set(["3,,,0", "10,1,11,1"]));
  });
});

describe("a disk that fails", () => {
  test("tells its node, once, and nobody knows what became of the save", async () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { disk, write, failures } = setUp(seed);
      await write(save(1, 0));
      disk.failNext("save");
      await write(save(2, 0));
      expect([failures, disk.failed]).toEqual([["the disk has failed"], true]);
      kept.add(disk.lastSave);
      disk.crash();
      expect(disk.failed).toBe(false);
    }
    expect(kept).toEqual(new Set([1, 2]));
  });

  test("fails with what was asked of it, and not before", async () => {
    const { world, disk, write, failures } = setUp();
    disk.failNext("read");
    await write(save(1, 1, [1]));
    expect(failures).toEqual([]);
    disk.read(
      1,
      1,
      10,
      () => undefined,
      ({ message }) => failures.push(message),
    );
    await world.run(world.now + 1000);
    expect(failures).toEqual(["the disk has failed"]);
  });

  test("a damaged entry of the log is given to nobody, until it is dropped", async () => {
    const { write, disk, contents } = setUp();
    await write(save(1, 2, [1, 2]));
    expect(disk.damage(1)).toBe(true);
    expect(() => contents().read(1, 2, 10)).toThrow("is damaged: its checksum does not fit");
    contents().dropBelow(3);
    expect(contents().read(1, 2, 10)).toEqual({ seq: 1, updates: [], firstSeq: 3 });
  });

  test("a copy of the contents does not change with them", async () => {
    const { write, contents } = setUp();
    await write(save(1, 2, [1, 2]));
    const copy = contents().clone();
    contents().snapshots.hold(2, 77n, record, pieces);
    contents().dropBelow(3);
    await write(save(2, 3, [3]));
    expect(copy.load()).toMatchObject({ state: { saveNumber: 1n } });
    expect(copy.read(1, 2, 100).updates).toHaveLength(2);
    expect(copy.snapshots.held).toEqual([]);
  });
});
