import { create } from "@bufbuild/protobuf";
import { InvariantError, type ChunkData, type SnapshotDraft, type SnapshotId } from "@paxos/core";
import { SnapshotSchema, type Snapshot } from "@paxos/proto";
import { draftChunks } from "./draft-chunks.js";
import { describeSnapshot, MESSAGE_FORMAT } from "./layout.js";
import { isComplete, receive, type Receiving } from "./reception.js";
import type { OpenedState, RecordStore } from "./record-store.js";
import { isStorable } from "./snapshot-records.js";
import { StorageError } from "./storage-error.js";
import type { Writes } from "./writes.js";

/** What the snapshots of a storage stand on. */
export interface SnapshotsOptions {
  /** The storage, for errors. */
  readonly name: string;
  readonly records: RecordStore;
  readonly writes: Writes;
  /** The ARU of the last durable save. */
  readonly durableAru: () => number;
}

/** The snapshots of a storage: those held in full, the one on its way in, and the node's own that is being written. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  #storeId = 0n;
  /** In ascending order of seqs. */
  #held: Snapshot[] = [];
  #incoming: Receiving | undefined;
  #installing: Snapshot | undefined;
  #draft: { readonly id: SnapshotId; readonly stop: (error: Error) => void } | undefined;
  #receiving = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Begins with what was found. */
  begin({ storeId, snapshots, incoming }: OpenedState): void {
    this.#storeId = storeId;
    this.#held = [...snapshots];
    this.#incoming = incoming;
  }

  /** The seq of the latest; 0 when there is none. */
  get latestSeq(): number {
    return Number(this.#held.at(-1)?.seq ?? 0n);
  }

  /** Takes the incoming snapshot for installation by a save. Throws an InvariantError when it may not be installed. */
  beginInstall(snapshot: Snapshot): void {
    const incoming = this.#incoming;
    if (incoming === undefined || !isComplete(incoming) || !isSame(incoming.snapshot, snapshot)) {
      throw this.#broken(
        `the snapshot ${describeSnapshot(snapshot)} to be installed has not been received in full`,
      );
    }
    if (Number(snapshot.seq) <= this.latestSeq) {
      throw this.#broken(
        `the snapshot ${describeSnapshot(snapshot)} to be installed is not above the latest, of seq ${this.latestSeq}`,
      );
    }
    // From now on no chunk can displace it.
    this.#incoming = undefined;
    this.#installing = incoming.snapshot;
  }

  /** The save that installs it is durable. */
  finishInstall(): void {
    if (this.#installing !== undefined) this.#hold(this.#installing);
    this.#installing = undefined;
  }

  /** See {@link Storage.writeSnapshot}. */
  async write({ seq, epochRecord, chunks }: SnapshotDraft): Promise<Snapshot> {
    const { records, writes } = this.#options;
    if (this.#draft !== undefined) throw this.#broken(`snapshot ${seq} came while another was being written`);
    this.#requireAboveLatest(seq);
    writes.requireSound();
    const id = { seq: BigInt(seq), origin: this.#storeId };
    let stop: (error: Error) => void = () => undefined;
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    stopped.catch(() => undefined);
    this.#draft = { id, stop };
    try {
      // Chunks under this very name can only be those that a peer has of a snapshot this storage has forgotten.
      if (this.#incoming !== undefined && isSame(this.#incoming.snapshot, id)) await this.#dropIncoming();
      const whole = { chunks: 0, bytes: 0n, checksum: 0 };
      for await (const chunk of draftChunks(chunks, stopped)) {
        await writes.do(() => records.putChunk(id, whole.chunks, chunk));
        whole.chunks++;
        whole.bytes += BigInt(chunk.data.length);
        whole.checksum = chunk.checksum;
      }
      const aru = this.#options.durableAru();
      if (seq > aru)
        throw this.#broken(`a snapshot of seq ${seq} was written, and ordered is what is up to ${aru}`);
      this.#requireAboveLatest(seq);
      const snapshot = create(SnapshotSchema, {
        formatVersion: MESSAGE_FORMAT,
        ...id,
        ...whole,
        epochRecord,
      });
      await writes.do(() => records.putSnapshot(snapshot));
      this.#hold(snapshot);
      return snapshot;
    } catch (error) {
      // What cannot be dropped now is dropped at the next start.
      await writes.do(() => records.dropChunks(id, () => true)).catch(() => undefined);
      throw error;
    } finally {
      this.#draft = undefined;
    }
  }

  /** Abandons the snapshot that is being written. */
  stop(error: Error): void {
    this.#draft?.stop(error);
  }

  /** See {@link Storage.readChunk}. One received in full may be read before it is installed. */
  async readChunk(id: SnapshotId, index: number): Promise<ChunkData | undefined> {
    const snapshot = this.#find(id);
    if (snapshot === undefined || !(index >= 0 && index < snapshot.chunks)) return undefined;
    const chunk = await this.#options.records.getChunk(id, index);
    // It may have been dropped meanwhile.
    if (chunk !== undefined || this.#find(id) === undefined) return chunk;
    throw new StorageError(
      `${this.#options.name}: chunk ${index} of the snapshot ${describeSnapshot(id)} is missing. ` +
        "The storage is damaged: replace this member.",
    );
  }

  /** See {@link Storage.receiveChunk}. */
  async receiveChunk(snapshot: Snapshot, index: number, chunk: ChunkData): Promise<number> {
    const { records, writes } = this.#options;
    if (this.#receiving) throw this.#broken(`chunk ${index} came while another was being received`);
    writes.requireSound();
    if (!isStorable(snapshot)) {
      throw this.#broken(
        `a snapshot to be received needs chunks, a seq and format version ${MESSAGE_FORMAT}: ${describeSnapshot(snapshot)}`,
      );
    }
    // Behind its back it may have become useless, or this storage's own.
    const useless = snapshot.seq <= (this.#installing?.seq ?? BigInt(this.latestSeq));
    if (useless || (this.#draft !== undefined && isSame(this.#draft.id, snapshot))) return 0;
    const reception = receive(this.#incoming, snapshot, index, chunk);
    if (reception.kind === "refuse") return reception.next;
    this.#receiving = true;
    try {
      if (reception.kind === "drop") {
        await this.#dropIncoming();
        return 0;
      }
      const { receiving } = reception;
      if (reception.begins) await this.#dropIncoming();
      await writes.do(() => records.putChunk(snapshot, index, chunk, receiving));
      this.#incoming = receiving;
      return receiving.next;
    } finally {
      this.#receiving = false;
    }
  }

  /** All but the latest and those of `keep`. */
  othersThan(keep: readonly SnapshotId[]): Snapshot[] {
    return this.#held.slice(0, -1).filter((held) => !keep.some((kept) => isSame(kept, held)));
  }

  /** Drops snapshots, while `goesOn` says so. */
  async drop(dropped: readonly Snapshot[], goesOn: () => boolean): Promise<void> {
    const { records, writes } = this.#options;
    this.#held = this.#held.filter((held) => !dropped.includes(held));
    for (const snapshot of dropped) {
      if (!goesOn()) return;
      // In this order, or a snapshot without chunks would remain.
      await writes.do(() => records.dropSnapshot(snapshot));
      await writes.do(() => records.dropChunks(snapshot, goesOn));
    }
  }

  #hold(snapshot: Snapshot): void {
    this.#held = [...this.#held, snapshot].sort((a, b) => Number(a.seq - b.seq));
  }

  async #dropIncoming(): Promise<void> {
    const { records, writes } = this.#options;
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    this.#incoming = undefined;
    await writes.do(() => records.dropProgress());
    await writes.do(() => records.dropChunks(incoming.snapshot, () => true));
  }

  #find(id: SnapshotId): Snapshot | undefined {
    const incoming = this.#incoming;
    const received = incoming !== undefined && isComplete(incoming) ? incoming.snapshot : this.#installing;
    return [...this.#held, ...(received === undefined ? [] : [received])].find((held) => isSame(held, id));
  }

  #requireAboveLatest(seq: number): void {
    if (!Number.isSafeInteger(seq) || seq <= this.latestSeq) {
      throw this.#broken(`a snapshot of seq ${seq} is written, and the latest is of seq ${this.latestSeq}`);
    }
  }

  #broken(what: string): InvariantError {
    return new InvariantError(`${this.#options.name}: ${what}`);
  }
}

function isSame(a: SnapshotId, b: SnapshotId): boolean {
  return a.seq === b.seq && a.origin === b.origin;
}
