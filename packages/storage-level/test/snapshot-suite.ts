// What every storage does with snapshots. Each adapter's test runs it.
import { afterEach, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { InvariantError, type Storage } from "@paxos/core";
import { SnapshotSchema } from "@paxos/proto";
import { MAX_CHUNK_BYTES } from "../src/index.js";
import { makeSave, texts } from "./builders.js";
import { epochRecord, makeDraft, peerSnapshot, piecesOf, readChunks, withChecksums } from "./snapshots.js";

const ORIGIN = 77n;

export function testSnapshots(make: () => Promise<Storage>): void {
  const opened: Storage[] = [];
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });

  /** Storage with updates 1 to 100 in runs of 10, ordered; and its id. */
  async function openFilled(): Promise<{ storage: Storage; storeId: bigint }> {
    const storage = await make();
    opened.push(storage);
    const { storeId } = await storage.load();
    const runs = Array.from({ length: 10 }, (_, i) => ({ seq: 1 + i * 10, count: 10 }));
    await storage.save(makeSave(1, 100, runs));
    return { storage, storeId };
  }

  test("a snapshot that was written is read back, chunk by chunk", async () => {
    const { storage, storeId } = await openFilled();
    const pieces = piecesOf("own", 3);
    const snapshot = await storage.writeSnapshot(makeDraft(90, pieces));
    expect(snapshot).toEqual(create(SnapshotSchema, { ...peerSnapshot(90, storeId, pieces) }));
    expect(await readChunks(storage, snapshot, 4)).toEqual([...withChecksums(pieces), undefined]);
    expect(await storage.readChunk({ seq: 90n, origin: storeId + 1n }, 0)).toBeUndefined();
    expect(await storage.readChunk({ seq: 89n, origin: storeId }, 0)).toBeUndefined();
    expect(await storage.readChunk(snapshot, -1)).toBeUndefined();
  });

  test("a state without bytes is one empty chunk", async () => {
    const { storage } = await openFilled();
    const snapshot = await storage.writeSnapshot(makeDraft(90, []));
    expect(snapshot).toMatchObject({ chunks: 1, bytes: 0n, checksum: 0 });
    expect(await storage.readChunk(snapshot, 0)).toEqual({ data: new Uint8Array(), checksum: 0 });
  });

  test("saves and reads go on while a snapshot is written", async () => {
    const { storage } = await openFilled();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield* piecesOf("before", 1);
      await storage.save(makeSave(2, 110, [{ seq: 101, count: 10 }]));
      expect((await storage.read(101, 110, 10_000)).updates).toHaveLength(10);
      yield* piecesOf("after", 1);
    }
    // Its last update becomes durable while it is written.
    const snapshot = await storage.writeSnapshot({ seq: 110, epochRecord, chunks: slow() });
    expect(snapshot.chunks).toBe(2);
  });

  test("when the chunks throw, nothing remains, and the same error is thrown", async () => {
    const { storage, storeId } = await openFilled();
    const broken = new Error("the state machine gave up");
    async function* throwing(): AsyncGenerator<Uint8Array> {
      yield* piecesOf("abandoned", 3);
      throw broken;
    }
    await expect(storage.writeSnapshot({ seq: 90, epochRecord, chunks: throwing() })).rejects.toBe(broken);
    expect(await storage.readChunk({ seq: 90n, origin: storeId }, 0)).toBeUndefined();
    const again = await storage.writeSnapshot(makeDraft(90, piecesOf("again", 2)));
    expect(await readChunks(storage, again, 3)).toEqual([...withChecksums(piecesOf("again", 2)), undefined]);
    await storage.save(makeSave(2, 100, []));
  });

  test("when the storage closes, a snapshot under way is abandoned, even one that hangs", async () => {
    const { storage } = await openFilled();
    let returned = 0;
    const hangs = {
      next: () => new Promise<never>(() => undefined),
      return: async () => ({ value: returned++ }),
    };
    const chunks = { [Symbol.asyncIterator]: () => hangs } as unknown as AsyncIterable<Uint8Array>;
    const written = storage.writeSnapshot({ seq: 90, epochRecord, chunks });
    await Promise.all([expect(written).rejects.toThrow(/is closed/), storage.close()]);
    expect(returned).toBe(1);
  });

  test("the consumer of the chunks tells them when it stops", async () => {
    const { storage } = await openFilled();
    let returned = false;
    async function* large(): AsyncGenerator<Uint8Array> {
      try {
        yield new Uint8Array(MAX_CHUNK_BYTES);
        yield new Uint8Array(MAX_CHUNK_BYTES + 1);
      } finally {
        returned = true;
      }
    }
    const written = storage.writeSnapshot({ seq: 90, epochRecord, chunks: large() });
    await expect(written).rejects.toThrow(InvariantError);
    await expect(written).rejects.toThrow(/a chunk of 8388609 bytes: at most 8388608/);
    expect(returned).toBe(true);
  });

  test("snapshots out of the contract are refused", async () => {
    const { storage } = await openFilled();
    const ahead = storage.writeSnapshot(makeDraft(101, piecesOf("ahead", 1)));
    await expect(ahead).rejects.toThrow(
      /a snapshot of seq 101 was written, and ordered is what is up to 100/,
    );
    await storage.writeSnapshot(makeDraft(90, piecesOf("first", 1)));
    for (const seq of [90, 89, 0, 1.5]) {
      await expect(storage.writeSnapshot(makeDraft(seq, piecesOf("low", 1)))).rejects.toThrow(InvariantError);
    }
    const [one, other] = [91, 92].map((seq) => storage.writeSnapshot(makeDraft(seq, piecesOf("two", 1))));
    await expect(other).rejects.toThrow(/snapshot 92 came while another was being written/);
    await one;
    await expect(storage.compact(93, [])).rejects.toThrow(InvariantError);
    const compactions = [storage.compact(92, []), storage.compact(92, [])];
    await expect(compactions[1]).rejects.toThrow(/another was under way/);
    expect(await compactions[0]).toBe(92);
  });

  test("compaction drops the log below and all snapshots but the latest and those to be kept", async () => {
    const { storage } = await openFilled();
    const taken = [];
    for (const seq of [60, 70, 80, 95])
      taken.push(await storage.writeSnapshot(makeDraft(seq, piecesOf(`at ${seq}`, 2))));
    const [, kept, , latest] = taken;
    expect(await storage.compact(86, kept === undefined ? [] : [{ seq: 3n, origin: 4n }, kept])).toBe(86);
    const present = await Promise.all(taken.map((snapshot) => storage.readChunk(snapshot, 1)));
    expect(present.map((chunk) => chunk !== undefined)).toEqual([false, true, false, true]);
    expect(await storage.read(85, 100, 10_000)).toEqual({ seq: 85, updates: [], firstSeq: 86 });
    const { updates } = await storage.read(86, 100, 10_000);
    expect(texts(updates)).toEqual(Array.from({ length: 15 }, (_, i) => `${86 + i}@0.0`));
    expect(await storage.compact(50, latest === undefined ? [] : [latest])).toBe(86);
    expect(await storage.compact(96, [])).toBe(96);
    expect(latest && (await storage.readChunk(latest, 0))).toBeDefined();
    expect((await storage.read(96, 100, 10_000)).updates).toHaveLength(5);
    await storage.save(makeSave(2, 105, [{ seq: 101, count: 5 }]));
    expect((await storage.read(96, 105, 10_000)).updates).toHaveLength(10);
  });

  test("reads under way while the log is compacted give updates or say where it begins", async () => {
    const { storage } = await openFilled();
    await storage.writeSnapshot(makeDraft(100, piecesOf("all", 1)));
    const reads = [1, 15, 55, 91].map((from) => storage.read(from, 100, 10_000));
    const compacted = storage.compact(101, []);
    const answers = (await Promise.all(reads)).map(({ updates, firstSeq }) => texts(updates)[0] ?? firstSeq);
    for (const [i, from] of [1, 15, 55, 91].entries()) expect([`${from}@0.0`, 101]).toContain(answers[i]);
    expect(await compacted).toBe(101);
  });

  test("the ARU never goes back", async () => {
    const { storage } = await openFilled();
    await expect(storage.save(makeSave(2, 99, []))).rejects.toThrow(
      /state.localAru 99, at least 100 is needed/,
    );
  });

  test("nothing is served before load and after close", async () => {
    const storage = await make();
    opened.push(storage);
    const snapshot = peerSnapshot(5, ORIGIN, piecesOf("peer", 1));
    const calls = [
      () => storage.writeSnapshot(makeDraft(1, [])),
      () => storage.readChunk(snapshot, 0),
      () => storage.receiveChunk(snapshot, 0, { data: new Uint8Array(), checksum: 0 }),
      () => storage.compact(1, []),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(/before load/);
    await storage.load();
    await storage.close();
    for (const call of calls) await expect(call()).rejects.toThrow(/is closed/);
  });
}
