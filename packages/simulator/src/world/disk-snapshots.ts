import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import type { ChunkData, IncomingSnapshot, SnapshotId } from "@paxos/core";
import { SnapshotSchema, type EpochRecord, type Snapshot } from "@paxos/proto";
import type { Random } from "../random.js";
import { damaged, read, type Record } from "./damage.js";
import { concatenate, copy } from "./frames.js";

interface StoredChunk extends Record {
  /** Of the snapshot's bytes up to its end. */
  readonly sumUpTo: number;
}

interface Stored {
  readonly snapshot: Snapshot;
  readonly chunks: StoredChunk[];
}

/** The most chunks that a crash takes back of what is being received. */
const mostTakenBack = 4;

/** The snapshots on a disk: those held in full, and what has been received of a peer's. */
export class DiskSnapshots {
  /** The latest is the last. */
  #held: Stored[] = [];
  #incoming: Stored | undefined;

  get latest(): Snapshot | undefined {
    return this.#held.at(-1)?.snapshot;
  }

  /** The last seq that a snapshot covers; 0 without one. */
  get covers(): number {
    return Number(this.latest?.seq ?? 0n);
  }

  /** Copies. */
  get held(): Snapshot[] {
    return this.#held.map(({ snapshot }) => copy(SnapshotSchema, snapshot));
  }

  get incoming(): IncomingSnapshot | undefined {
    const { snapshot, chunks } = this.#incoming ?? {};
    return snapshot && chunks && { snapshot: copy(SnapshotSchema, snapshot), next: chunks.length };
  }

  /** All bytes of a snapshot held. @throws DamagedRecord */
  content({ seq, origin }: SnapshotId): Uint8Array | undefined {
    const stored = this.#held.find(({ snapshot }) => isSame(snapshot, { seq, origin }));
    return stored && concatenate(stored.chunks.map((chunk) => read(chunk, "a chunk")));
  }

  /** A snapshot of this node is here in full, and is the latest from now on. */
  hold(seq: number, origin: bigint, epochRecord: EpochRecord, pieces: readonly Uint8Array[]): Snapshot {
    const chunks: StoredChunk[] = [];
    let checksum = 0;
    for (const bytes of pieces) chunks.push({ bytes, sumUpTo: (checksum = crc32(bytes, checksum)) });
    const snapshot = create(SnapshotSchema, {
      formatVersion: 1,
      seq: BigInt(seq),
      origin,
      chunks: chunks.length,
      bytes: BigInt(pieces.reduce((sum, bytes) => sum + bytes.length, 0)),
      checksum,
      epochRecord,
    });
    this.#held.push({ snapshot, chunks });
    return copy(SnapshotSchema, snapshot);
  }

  /** @throws DamagedRecord */
  readChunk(id: SnapshotId, index: number): ChunkData | undefined {
    const chunk = this.#held.find(({ snapshot }) => isSame(snapshot, id))?.chunks[index];
    if (chunk === undefined) return undefined;
    const data = read(chunk, `chunk ${index} of the snapshot at seq ${id.seq}`).slice();
    return { data, checksum: chunk.sumUpTo };
  }

  /** Gives the index of the chunk that is wanted next. */
  receive(snapshot: Snapshot, index: number, { data, checksum }: ChunkData): number {
    const known = this.#incoming !== undefined && isSame(this.#incoming.snapshot, snapshot);
    if (!known && index === 0) this.#incoming = { snapshot: copy(SnapshotSchema, snapshot), chunks: [] };
    const incoming = this.#incoming;
    if (incoming === undefined || !isSame(incoming.snapshot, snapshot)) return 0;
    const { chunks } = incoming;
    const follows = index === chunks.length && crc32(data, chunks.at(-1)?.sumUpTo ?? 0) === checksum;
    if (follows) chunks.push({ bytes: data.slice(), sumUpTo: checksum });
    // All of it does not add up.
    if (chunks.length === snapshot.chunks && chunks.at(-1)?.sumUpTo !== snapshot.checksum) {
      this.#incoming = undefined;
      return 0;
    }
    return chunks.length;
  }

  /** Whether this one has been received in full. */
  hasReceived(snapshot: Snapshot): boolean {
    const incoming = this.#incoming;
    return (
      incoming !== undefined &&
      isSame(incoming.snapshot, snapshot) &&
      incoming.chunks.length === incoming.snapshot.chunks
    );
  }

  /** What has been received is held from now on. */
  install(): void {
    if (this.#incoming !== undefined) this.#held.push(this.#incoming);
    this.#incoming = undefined;
  }

  /** Drops all but the latest and these. */
  keep(ids: readonly SnapshotId[]): void {
    const latest = this.#held.at(-1);
    this.#held = this.#held.filter(
      (stored) => stored === latest || ids.some((id) => isSame(id, stored.snapshot)),
    );
  }

  /** What was received last may be lost: it becomes durable for certain only when it is installed. */
  crash(random: Random): void {
    const chunks = this.#incoming?.chunks;
    if (chunks === undefined) return;
    chunks.length = Math.max(0, chunks.length - random.between(0, mostTakenBack));
    if (chunks.length === 0) this.#incoming = undefined;
  }

  /** Damages a chunk of the latest. Returns whether there is one. */
  damage(draw: number): boolean {
    const chunks = this.#held.at(-1)?.chunks;
    if (chunks === undefined) return false;
    const index = draw % chunks.length;
    const chunk = chunks[index] as StoredChunk;
    if (chunk.bytes.length === 0) return false;
    chunks[index] = { ...chunk, ...damaged(chunk, draw >>> 8) };
    return true;
  }

  clone(): DiskSnapshots {
    const clone = new DiskSnapshots();
    clone.#held = this.#held.map((stored) => ({ ...stored, chunks: [...stored.chunks] }));
    clone.#incoming = this.#incoming && { ...this.#incoming, chunks: [...this.#incoming.chunks] };
    return clone;
  }
}

function isSame(a: SnapshotId, b: SnapshotId): boolean {
  return a.seq === b.seq && a.origin === b.origin;
}
