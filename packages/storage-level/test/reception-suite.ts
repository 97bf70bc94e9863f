// What every storage does with snapshots of peers. Each adapter's test runs it.
import { afterEach, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { InvariantError, type Storage } from "@paxos/core";
import { SnapshotSchema } from "@paxos/proto";
import { makeSave, texts } from "./builders.js";
import {
  epochRecord,
  makeDraft,
  makeInstall,
  peerSnapshot,
  piecesOf,
  readChunks,
  receiveAll,
  withChecksums,
} from "./snapshots.js";

const ORIGIN = 77n;

export function testReception(make: () => Promise<Storage>): void {
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

  test("a peer's snapshot is received, whatever comes twice or out of order, and installed", async () => {
    const { storage } = await openFilled();
    const pieces = piecesOf("peer", 3);
    const snapshot = peerSnapshot(500, ORIGIN, pieces);
    const chunks = withChecksums(pieces);
    const receive = (index: number) =>
      storage.receiveChunk(snapshot, index, chunks[index] ?? { data: new Uint8Array(), checksum: 0 });
    expect(await receive(1)).toBe(0);
    expect(await receive(0)).toBe(1);
    expect(await receive(0)).toBe(1);
    expect(await receive(2)).toBe(1);
    expect(await receive(1)).toBe(2);
    expect(await storage.readChunk(snapshot, 0)).toBeUndefined();
    expect(await receive(2)).toBe(3);
    expect([await receive(0), await receive(2), await receive(3)]).toEqual([3, 3, 3]);
    expect(await readChunks(storage, snapshot, 3)).toEqual(chunks);

    await storage.save(makeInstall(2, 510, snapshot, [{ seq: 495, count: 16 }]));
    expect(await readChunks(storage, snapshot, 3)).toEqual(chunks);
    expect(await storage.read(100, 510, 1000)).toEqual({ seq: 100, updates: [], firstSeq: 501 });
    const { updates, firstSeq } = await storage.read(501, 510, 10_000);
    expect({ first: texts(updates)[0], count: updates.length, firstSeq }).toEqual({
      first: "501@0.0",
      count: 10,
      firstSeq: 501,
    });
    // What comes late changes nothing.
    expect(await receive(0)).toBe(0);
    expect(await readChunks(storage, snapshot, 3)).toEqual(chunks);
    expect(await storage.compact(1, [])).toBe(501);
    expect((await storage.read(501, 510, 10_000)).updates).toHaveLength(10);
  });

  test("a chunk whose checksum does not fit is asked for again", async () => {
    const { storage } = await openFilled();
    const pieces = piecesOf("peer", 2);
    const snapshot = peerSnapshot(500, ORIGIN, pieces);
    const [first, second] = withChecksums(pieces);
    if (first === undefined || second === undefined) throw new Error("two pieces");
    expect(await storage.receiveChunk(snapshot, 0, { ...first, checksum: 1 })).toBe(0);
    expect(await storage.receiveChunk(snapshot, 0, first)).toBe(1);
    expect(await storage.receiveChunk(snapshot, 1, { ...second, data: first.data })).toBe(1);
    expect(await storage.receiveChunk(snapshot, 1, second)).toBe(2);
  });

  test.each([
    ["another checksum", { checksum: 5 }],
    ["more bytes", { bytes: 81n }],
    ["fewer bytes", { bytes: 60n }],
  ])("a snapshot that says %s than its chunks have is dropped", async (_, wrong) => {
    const { storage } = await openFilled();
    const pieces = piecesOf("peer", 2);
    const snapshot = create(SnapshotSchema, { ...peerSnapshot(500, ORIGIN, pieces), ...wrong });
    const [first, second] = withChecksums(pieces);
    if (first === undefined || second === undefined) throw new Error("two pieces");
    expect(await storage.receiveChunk(snapshot, 0, first)).toBe(1);
    expect(await storage.receiveChunk(snapshot, 1, second)).toBe(0);
    expect(await storage.receiveChunk(snapshot, 1, second)).toBe(0);
    await expect(storage.save(makeInstall(2, 500, snapshot))).rejects.toThrow(
      /has not been received in full/,
    );
  });

  test("chunk 0 of another snapshot begins anew; its others change nothing", async () => {
    const { storage } = await openFilled();
    const [old, young] = [
      peerSnapshot(500, ORIGIN, piecesOf("old", 3)),
      peerSnapshot(600, ORIGIN, piecesOf("young", 2)),
    ];
    const [oldChunks, youngChunks] = [withChecksums(piecesOf("old", 3)), withChecksums(piecesOf("young", 2))];
    const receive = (snapshot: typeof old, chunks: typeof oldChunks, index: number) =>
      storage.receiveChunk(snapshot, index, chunks[index] ?? { data: new Uint8Array(), checksum: 0 });
    expect(await receive(old, oldChunks, 0)).toBe(1);
    expect(await receive(young, youngChunks, 1)).toBe(0);
    expect(await receive(old, oldChunks, 1)).toBe(2);
    expect(await receive(young, youngChunks, 0)).toBe(1);
    expect(await receive(old, oldChunks, 2)).toBe(0);
    expect(await receive(young, youngChunks, 1)).toBe(2);
    await storage.save(makeInstall(2, 600, young));
    expect(await readChunks(storage, young, 2)).toEqual(youngChunks);
    expect(await storage.readChunk(old, 0)).toBeUndefined();
  });

  test("the same name with another content begins anew as well", async () => {
    const { storage } = await openFilled();
    const first = peerSnapshot(500, ORIGIN, piecesOf("one", 3));
    await receiveAll(storage, first, piecesOf("one", 2));
    const second = peerSnapshot(500, ORIGIN, piecesOf("other", 2));
    await receiveAll(storage, second, piecesOf("other", 2));
    await storage.save(makeInstall(2, 500, second));
    expect(await readChunks(storage, second, 3)).toEqual([...withChecksums(piecesOf("other", 2)), undefined]);
  });

  test("a snapshot that is not above the latest is not received", async () => {
    const { storage } = await openFilled();
    await storage.writeSnapshot(makeDraft(90, piecesOf("own", 1)));
    const snapshot = peerSnapshot(90, ORIGIN, piecesOf("peer", 1));
    await receiveAll(storage, snapshot, piecesOf("peer", 1));
    await expect(storage.save(makeInstall(2, 100, snapshot))).rejects.toThrow(InvariantError);
  });

  test.each([
    ["nothing was received of it", 500, 0, 500, /has not been received in full/],
    ["a chunk is missing", 500, 2, 500, /has not been received in full/],
    ["it is above the ARU of its save", 500, 3, 499, /at least 500 is needed/],
    ["it is at the latest", 90, 3, 500, /has not been received in full/],
  ])("an installation is refused when %s", async (_, seq, received, localAru, message) => {
    const { storage } = await openFilled();
    await storage.writeSnapshot(makeDraft(90, piecesOf("own", 1)));
    const snapshot = peerSnapshot(seq, ORIGIN, piecesOf("peer", 3));
    await receiveAll(storage, snapshot, piecesOf("peer", received));
    const save = makeInstall(2, localAru, snapshot);
    await expect(storage.save(save)).rejects.toThrow(InvariantError);
    await expect(storage.save(save)).rejects.toThrow(message);
  });

  test("a snapshot received in full is not installed once the node's own is above it", async () => {
    const { storage } = await openFilled();
    const snapshot = peerSnapshot(95, ORIGIN, piecesOf("peer", 1));
    await receiveAll(storage, snapshot, piecesOf("peer", 1));
    await storage.writeSnapshot(makeDraft(96, piecesOf("own", 1)));
    await expect(storage.save(makeInstall(2, 100, snapshot))).rejects.toThrow(
      /is not above the latest, of seq 96/,
    );
  });

  test("an installation overtakes a snapshot that is being written", async () => {
    const { storage } = await openFilled();
    const snapshot = peerSnapshot(500, ORIGIN, piecesOf("peer", 1));
    await receiveAll(storage, snapshot, piecesOf("peer", 1));
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield* piecesOf("slow", 1);
      await storage.save(makeInstall(2, 500, snapshot));
    }
    await expect(storage.writeSnapshot({ seq: 100, epochRecord, chunks: slow() })).rejects.toThrow(
      InvariantError,
    );
    await storage.save(makeSave(3, 500, []));
    expect(await readChunks(storage, snapshot, 1)).toEqual(withChecksums(piecesOf("peer", 1)));
  });
}
