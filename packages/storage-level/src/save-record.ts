// What the record of a save says. Saves are numbered without gaps, and each one's checksum goes on from that of the one
// before. So when LevelDB has dropped a damaged part of its log without a word, what is missing is missed.
//
//   chain:u32       the CRC-32 of key and rest of this record, begun with the chain of the save before
//   state:u32       the checksum with which this save sealed `state`
//   first:u64       the first seq of the log, when this was saved
//   seq:u64 origin:u64 header:u32
//                   the latest snapshot then, and the checksum with which it is sealed; 0, 0, 0: none
//   installed:u8    1 when this save has installed that snapshot, else 0
//   then, for each run that was saved, its key without prefix (27 bytes), and the checksum with which it is sealed:u32
import { crc32 } from "node:zlib";
import type { SnapshotId } from "@paxos/core";
import { viewOf } from "./bytes.js";
import { MAX_RUN_UPDATES, RUN_ID_BYTES, saveKey, withRunPrefix } from "./layout.js";

const HEADER_BYTES = 4 + 4 + 8 + 8 + 8 + 4 + 1;
const ENTRY_BYTES = RUN_ID_BYTES + 4;

/** A snapshot, with the checksum that its record is sealed with. */
export interface SealedSnapshotId extends SnapshotId {
  readonly seal: number;
}

/** What is known when a save is written. */
export interface SaveContent {
  readonly stateSeal: number;
  readonly firstSeq: number;
  /** The latest snapshot; of a save that installs one, that. */
  readonly snapshot: SealedSnapshotId | undefined;
  readonly installed: boolean;
  /** For each run its key without prefix, and the checksum that it is sealed with. */
  readonly runs: readonly { readonly id: Uint8Array; readonly seal: number }[];
}

/** Encodes the record of a save. `before` is the chain of the save before it, 0 for the first. */
export function encodeSaveRecord(number: number, before: number, content: SaveContent): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + content.runs.length * ENTRY_BYTES);
  const view = viewOf(record);
  view.setUint32(4, content.stateSeal);
  view.setBigUint64(8, BigInt(content.firstSeq));
  view.setBigUint64(16, content.snapshot?.seq ?? 0n);
  view.setBigUint64(24, content.snapshot?.origin ?? 0n);
  view.setUint32(32, content.snapshot?.seal ?? 0);
  view.setUint8(36, content.installed ? 1 : 0);
  content.runs.forEach(({ id, seal }, i) => {
    const at = HEADER_BYTES + i * ENTRY_BYTES;
    record.set(id, at);
    view.setUint32(at + RUN_ID_BYTES, seal);
  });
  view.setUint32(0, chainOf(number, before, record));
  return record;
}

/** The record of a save, read where it lies. */
export class SaveRecord {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Undefined when the bytes are not a record. */
  static parse(bytes: Uint8Array): SaveRecord | undefined {
    const entries = bytes.length - HEADER_BYTES;
    if (entries < 0 || entries % ENTRY_BYTES !== 0) return undefined;
    const record = new SaveRecord(bytes);
    for (let i = 0; i < record.runCount; i++) {
      const count = record.countOf(i);
      if (count < 1 || count > MAX_RUN_UPDATES || !Number.isSafeInteger(record.seqOf(i) + count))
        return undefined;
    }
    return record;
  }

  get chain(): number {
    return this.#view.getUint32(0);
  }

  /** Whether it follows on a save of this chain, under this number. */
  follows(number: number, before: number): boolean {
    return this.chain === chainOf(number, before, this.#bytes);
  }

  get stateSeal(): number {
    return this.#view.getUint32(4);
  }

  get firstSeq(): number {
    return Number(this.#view.getBigUint64(8));
  }

  get snapshot(): SealedSnapshotId | undefined {
    const seq = this.#view.getBigUint64(16);
    if (seq === 0n) return undefined;
    return { seq, origin: this.#view.getBigUint64(24), seal: this.#view.getUint32(32) };
  }

  get installed(): boolean {
    return this.#view.getUint8(36) === 1;
  }

  get runCount(): number {
    return (this.#bytes.length - HEADER_BYTES) / ENTRY_BYTES;
  }

  /** The first seq of run `i`. */
  seqOf(i: number): number {
    return Number(this.#view.getBigUint64(HEADER_BYTES + i * ENTRY_BYTES));
  }

  /** How many updates run `i` has. */
  countOf(i: number): number {
    return this.#view.getUint16(HEADER_BYTES + i * ENTRY_BYTES + RUN_ID_BYTES - 2);
  }

  /** The key of run `i`. */
  keyOf(i: number): Uint8Array {
    const at = HEADER_BYTES + i * ENTRY_BYTES;
    return withRunPrefix(this.#bytes.subarray(at, at + RUN_ID_BYTES));
  }

  /** The checksum with which run `i` is sealed. */
  sealOf(i: number): number {
    return this.#view.getUint32(HEADER_BYTES + i * ENTRY_BYTES + RUN_ID_BYTES);
  }

  /** The seq above all of its runs; 0 when it has none. */
  get end(): number {
    let end = 0;
    for (let i = 0; i < this.runCount; i++) end = Math.max(end, this.seqOf(i) + this.countOf(i));
    return end;
  }
}

function chainOf(number: number, before: number, record: Uint8Array): number {
  return crc32(record.subarray(4), crc32(saveKey(number), before));
}
