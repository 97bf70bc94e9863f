import { crc32 } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  PersistentStateSchema,
  SnapshotSchema,
  StoredRunSchema,
  type EpochRecord,
  type PersistentState,
  type Snapshot,
  type StoredRun,
} from "@paxos/proto";
import { sameSnapshot } from "../src/held-snapshots.js";
import type {
  ChunkData,
  IncomingSnapshot,
  Save,
  SnapshotId,
  StoredState,
  StoredUpdates,
} from "../src/ports.js";

interface HeldSnapshot {
  readonly snapshot: Snapshot;
  readonly chunks: readonly ChunkData[];
}

/** A disk as bytes, so that nothing that a node holds in memory survives its crash by accident. */
export class MemoryDisk {
  #state: Uint8Array | undefined;
  #runs: Uint8Array[] = [];
  #held: HeldSnapshot[] = [];
  #incoming: { readonly snapshot: Snapshot; readonly chunks: ChunkData[] } | undefined;
  firstSeq = 1;

  constructor(readonly storeId: bigint) {}

  /** A copy of it as it is now. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk(this.storeId);
    copy.#state = this.#state;
    copy.#runs = [...this.#runs];
    copy.#held = [...this.#held];
    copy.#incoming = this.#incoming && { ...this.#incoming, chunks: [...this.#incoming.chunks] };
    copy.firstSeq = this.firstSeq;
    return copy;
  }

  write(save: Save): void {
    this.#state = toBinary(PersistentStateSchema, save.state);
    for (const run of save.runs) this.#runs.push(toBinary(StoredRunSchema, run));
    if (save.install === undefined) return;
    const incoming = this.#incoming;
    if (incoming === undefined || !sameSnapshot(incoming.snapshot, save.install)) {
      throw new Error("what is installed was not received");
    }
    if (incoming.chunks.length < save.install.chunks) throw new Error("not all of it was received");
    this.#held.push(incoming);
    this.#incoming = undefined;
    this.firstSeq = Number(save.install.seq) + 1;
    this.#dropRuns();
  }

  get state(): PersistentState | undefined {
    return this.#state && fromBinary(PersistentStateSchema, this.#state);
  }

  load(): StoredState {
    const { state, storeId, firstSeq } = this;
    const aru = state?.localAru ?? 0n;
    const runs = this.#all().filter((run) => end(run) > aru);
    const snapshots = this.#held.map(({ snapshot }) => snapshot);
    const { incoming } = this;
    return { storeId, runs, snapshots, firstSeq, ...(state && { state }), ...(incoming && { incoming }) };
  }

  get incoming(): IncomingSnapshot | undefined {
    return this.#incoming && { snapshot: this.#incoming.snapshot, next: this.#incoming.chunks.length };
  }

  /** All of the latest snapshot. */
  get latest(): Uint8Array | undefined {
    const latest = this.#held.at(-1);
    return latest && Buffer.concat(latest.chunks.map(({ data }) => data));
  }

  /** Holds a snapshot with this content, cut into chunks of so many bytes. */
  takeSnapshot(seq: number, epochRecord: EpochRecord, content: Uint8Array, chunkBytes: number): Snapshot {
    if (BigInt(seq) > (this.state?.localAru ?? 0n))
      throw new Error("a snapshot above what is durably ordered");
    const chunks: ChunkData[] = [];
    let checksum = 0;
    do {
      const data = content.subarray(chunks.length * chunkBytes, (chunks.length + 1) * chunkBytes);
      chunks.push({ data, checksum: (checksum = crc32(data, checksum)) });
    } while (chunks.length * chunkBytes < content.length);
    const snapshot = create(SnapshotSchema, {
      formatVersion: 1,
      seq: BigInt(seq),
      origin: this.storeId,
      chunks: chunks.length,
      bytes: BigInt(content.length),
      checksum,
      epochRecord,
    });
    this.#held.push({ snapshot, chunks });
    return snapshot;
  }

  readChunk(id: SnapshotId, index: number): ChunkData | undefined {
    return this.#held.find(({ snapshot }) => sameSnapshot(snapshot, id))?.chunks[index];
  }

  receiveChunk(snapshot: Snapshot, index: number, chunk: ChunkData): number {
    const known = this.#incoming !== undefined && sameSnapshot(this.#incoming.snapshot, snapshot);
    if (!known && index === 0) this.#incoming = { snapshot, chunks: [] };
    const incoming = this.#incoming;
    if (incoming === undefined || !sameSnapshot(incoming.snapshot, snapshot)) return 0;
    const fits = crc32(chunk.data, incoming.chunks.at(-1)?.checksum ?? 0) === chunk.checksum;
    if (fits && index === incoming.chunks.length) incoming.chunks.push(chunk);
    return incoming.chunks.length;
  }

  compact(firstSeq: number, keep: readonly SnapshotId[]): void {
    if (BigInt(firstSeq) > (this.#held.at(-1)?.snapshot.seq ?? 0n) + 1n)
      throw new Error("no snapshot covers that");
    this.firstSeq = Math.max(this.firstSeq, firstSeq);
    this.#dropRuns();
    const latest = this.#held.at(-1);
    this.#held = this.#held.filter(
      (one) => one === latest || keep.some((id) => sameSnapshot(id, one.snapshot)),
    );
  }

  #dropRuns(): void {
    this.#runs = this.#runs.filter((bytes) => {
      return end(fromBinary(StoredRunSchema, bytes)) >= BigInt(this.firstSeq);
    });
  }

  /**
   * The ordered value at each seq up to the mark, by the rule of the port: ordered runs count, else the
   * highest ballot.
   */
  values(upTo: number): Map<number, Uint8Array> {
    const best = new Map<number, { rank: bigint; update: Uint8Array }>();
    for (const run of this.#all()) {
      const rank = run.ordered ? 1n << 62n : (run.epoch << 32n) + (run.proposal?.view ?? 0n);
      run.proposal?.updates.forEach((update, i) => {
        const seq = Number(run.proposal?.seq) + i;
        const known = best.get(seq);
        if (seq <= upTo && (known === undefined || known.rank < rank)) best.set(seq, { rank, update });
      });
    }
    return new Map([...best].map(([seq, { update }]) => [seq, update]));
  }

  read(from: number, upTo: number, maxBytes: number): StoredUpdates {
    const { firstSeq } = this;
    if (from < firstSeq) return { seq: from, updates: [], firstSeq };
    const values = this.values(upTo);
    const updates: Uint8Array[] = [];
    let bytes = 0;
    for (let seq = from; seq <= upTo; seq++) {
      const update = values.get(seq);
      if (update === undefined || (updates.length > 0 && bytes + update.length > maxBytes)) break;
      updates.push(update);
      bytes += update.length;
    }
    return { seq: from, updates, firstSeq };
  }

  #all(): StoredRun[] {
    return this.#runs.map((bytes) => fromBinary(StoredRunSchema, bytes));
  }
}

function end(run: StoredRun): bigint {
  return (run.proposal?.seq ?? 0n) + BigInt(run.proposal?.updates.length ?? 0) - 1n;
}
