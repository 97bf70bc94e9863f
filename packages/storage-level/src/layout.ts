// Where everything is, format 2. Keys are bytes in unsigned order; integers are big-endian, so that the order of keys
// is that of the numbers in them.
//
//   key                                        value, sealed: followed by the CRC-32 of key and content
//   chunk/ seq:u64 origin:u64 index:u32        checksum:u32, the CRC-32 of the snapshot up to the end of this chunk; its bytes
//   incoming                                   next:u32, bytes:u64, checksum:u32 of what has been received; the Snapshot
//   meta/chain                                 number:u64, chain:u32 of the last save whose record has been dropped;
//                                              absent means 0, 0
//   meta/first-seq                             first:u64, the first seq still held; absent means 1
//   meta/format                                the format in ASCII digits; not sealed, so that every version can read it
//   meta/store-id                              id:u64, random, not 0
//   run/ seq:u64 epoch:u64 view:u64            a StoredRun
//        ordered:u8 count:u16
//   save/ number:u64                           what that save wrote, see save-record.ts
//   snapshot/ seq:u64 origin:u64               the Snapshot: all its chunks are there
//   state                                      the PersistentState of the last save
//
// The key of a run names its ballot, whether it is ordered, and how many updates it has. So runs of several
// ballots, and shorter and longer ones of one ballot, stand beside each other: nothing replaces a run but its
// equal. And a reader knows from the key alone which seqs a run covers.
import type { SnapshotId } from "@paxos/core";
import type { KeyRange } from "./binary-level.js";
import { concat } from "./bytes.js";

/** The format that this version writes, and the only one that it reads. */
export const FORMAT = 2;

/** The format version that states, runs and snapshots carry in themselves. */
export const MESSAGE_FORMAT = 1;

/**
 * The most updates that a run may have; a constant of the format. A reader that starts this many seqs, less
 * one, below the one that it wants meets every run that covers it.
 */
export const MAX_RUN_UPDATES = 4096;

export const FORMAT_KEY = ascii("meta/format");
export const STORE_ID_KEY = ascii("meta/store-id");
export const FIRST_SEQ_KEY = ascii("meta/first-seq");
export const CHAIN_KEY = ascii("meta/chain");
export const STATE_KEY = ascii("state");
export const INCOMING_KEY = ascii("incoming");

const RUN_PREFIX = ascii("run/");
/** Of a run's key, without its prefix. */
export const RUN_ID_BYTES = 8 + 8 + 8 + 1 + 2;
const SAVE_PREFIX = ascii("save/");
const SNAPSHOT_PREFIX = ascii("snapshot/");
const CHUNK_PREFIX = ascii("chunk/");

/** What the key of a run says about it. */
export interface RunId {
  /** The seq of its first update. */
  readonly seq: number;
  /** How many updates it has, for consecutive seqs. */
  readonly count: number;
  /** Whether it was learnt as ordered. */
  readonly ordered: boolean;
  /** The epoch of its ballot. */
  readonly epoch: bigint;
  /** The view of its ballot. */
  readonly view: bigint;
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The key of a run. */
export function runKey(run: RunId): Uint8Array {
  const key = new Uint8Array(RUN_PREFIX.length + RUN_ID_BYTES);
  const view = new DataView(key.buffer);
  key.set(RUN_PREFIX);
  view.setBigUint64(4, BigInt(run.seq));
  view.setBigUint64(12, run.epoch);
  view.setBigUint64(20, run.view);
  view.setUint8(28, run.ordered ? 1 : 0);
  view.setUint16(29, run.count);
  return key;
}

/** A run's key without its prefix. */
export function withoutRunPrefix(key: Uint8Array): Uint8Array {
  return key.subarray(RUN_PREFIX.length);
}

/** The key of a run, from what {@link withoutRunPrefix} gives. */
export function withRunPrefix(id: Uint8Array): Uint8Array {
  return concat(RUN_PREFIX, id);
}

/** What a key says about its run; undefined when it is not the key of a run. */
export function parseRunKey(key: Uint8Array): RunId | undefined {
  if (key.length !== RUN_PREFIX.length + RUN_ID_BYTES || !startsWith(key, RUN_PREFIX)) return undefined;
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const ordered = view.getUint8(28);
  const count = view.getUint16(29);
  const seq = Number(view.getBigUint64(4));
  if (ordered > 1 || count === 0 || count > MAX_RUN_UPDATES) return undefined;
  if (seq === 0 || !Number.isSafeInteger(seq + count)) return undefined;
  return { seq, count, ordered: ordered === 1, epoch: view.getBigUint64(12), view: view.getBigUint64(20) };
}

/** The lowest key that a run with this first seq can have. */
export function lowestRunKey(seq: number): Uint8Array {
  return runKey({ seq, count: 0, ordered: false, epoch: 0n, view: 0n });
}

export const RUNS_START: Uint8Array = RUN_PREFIX;
/** Above the keys of all runs. */
export const RUNS_END: Uint8Array = ascii("run0");

/** The key of the record of a save. */
export function saveKey(number: number): Uint8Array {
  const key = new Uint8Array(SAVE_PREFIX.length + 8);
  key.set(SAVE_PREFIX);
  new DataView(key.buffer).setBigUint64(SAVE_PREFIX.length, BigInt(number));
  return key;
}

/** The number of the save; undefined when it is not the key of one. */
export function parseSaveKey(key: Uint8Array): number | undefined {
  if (key.length !== SAVE_PREFIX.length + 8 || !startsWith(key, SAVE_PREFIX)) return undefined;
  const number = Number(new DataView(key.buffer, key.byteOffset).getBigUint64(SAVE_PREFIX.length));
  return number >= 1 && Number.isSafeInteger(number) ? number : undefined;
}

export const SAVES_START: Uint8Array = SAVE_PREFIX;
/** Above the keys of all saves. */
export const SAVES_END: Uint8Array = ascii("save0");

/** The key of a snapshot. */
export function snapshotKey({ seq, origin }: SnapshotId): Uint8Array {
  return concat(SNAPSHOT_PREFIX, snapshotIdBytes(seq, origin));
}

export const SNAPSHOTS_START: Uint8Array = SNAPSHOT_PREFIX;
/** Above the keys of all snapshots. */
export const SNAPSHOTS_END: Uint8Array = ascii("snapshot0");

/** The key of a chunk. */
export function chunkKey({ seq, origin }: SnapshotId, index: number): Uint8Array {
  const key = new Uint8Array(CHUNK_PREFIX.length + 20);
  key.set(CHUNK_PREFIX);
  key.set(snapshotIdBytes(seq, origin), CHUNK_PREFIX.length);
  new DataView(key.buffer).setUint32(CHUNK_PREFIX.length + 16, index);
  return key;
}

/** What a key says about its chunk; undefined when it is not the key of one. */
export function parseChunkKey(
  key: Uint8Array,
): { readonly id: SnapshotId; readonly index: number } | undefined {
  if (key.length !== CHUNK_PREFIX.length + 20 || !startsWith(key, CHUNK_PREFIX)) return undefined;
  const view = new DataView(key.buffer, key.byteOffset + CHUNK_PREFIX.length);
  return { id: { seq: view.getBigUint64(0), origin: view.getBigUint64(8) }, index: view.getUint32(16) };
}

export const CHUNKS_START: Uint8Array = CHUNK_PREFIX;
/** Above the keys of all chunks. */
export const CHUNKS_END: Uint8Array = ascii("chunk0");

/** Above the keys of all chunks of a snapshot, and not above those of another. */
export function chunksEnd(id: SnapshotId): Uint8Array {
  return concat(chunkKey(id, 0xffff_ffff), Uint8Array.of(0));
}

/** Where no key may be. */
export function unknownRanges(): KeyRange[] {
  const after = (key: Uint8Array): Uint8Array => concat(key, Uint8Array.of(0));
  const singles = [INCOMING_KEY, CHAIN_KEY, FIRST_SEQ_KEY, FORMAT_KEY, STORE_ID_KEY];
  const known: KeyRange[] = [
    { gte: CHUNKS_START, lt: CHUNKS_END },
    ...singles.map((key) => ({ gte: key, lt: after(key) })),
    { gte: RUNS_START, lt: RUNS_END },
    { gte: SAVES_START, lt: SAVES_END },
    { gte: SNAPSHOTS_START, lt: SNAPSHOTS_END },
    { gte: STATE_KEY, lt: after(STATE_KEY) },
  ];
  const starts = [new Uint8Array(), ...known.map(({ lt }) => lt)];
  const ends = [...known.map(({ gte }) => gte), Uint8Array.of(0xff)];
  return starts.map((gte, i) => ({ gte, lt: ends[i] ?? gte }));
}

/** A key for people: text as text, the rest in hexadecimal. */
export function describeKey(key: Uint8Array): string {
  const run = parseRunKey(key);
  if (run !== undefined) {
    const kind = run.ordered ? "ordered" : "accepted";
    return `run/ seq ${run.seq} epoch ${run.epoch} view ${run.view} ${kind} count ${run.count}`;
  }
  const save = parseSaveKey(key);
  if (save !== undefined) return `save/ number ${save}`;
  const chunk = parseChunkKey(key);
  if (chunk !== undefined) return `chunk/ ${describeSnapshot(chunk.id)} index ${chunk.index}`;
  if (key.length === SNAPSHOT_PREFIX.length + 16 && startsWith(key, SNAPSHOT_PREFIX)) {
    const view = new DataView(key.buffer, key.byteOffset + SNAPSHOT_PREFIX.length);
    return `snapshot/ ${describeSnapshot({ seq: view.getBigUint64(0), origin: view.getBigUint64(8) })}`;
  }
  const text = new TextDecoder("latin1").decode(key);
  return /^[ -~]+$/.test(text) ? text : `0x${Buffer.from(key).toString("hex")}`;
}

/** A snapshot for people. */
export function describeSnapshot({ seq, origin }: SnapshotId): string {
  return `seq ${seq} origin ${origin.toString(16)}`;
}

function snapshotIdBytes(seq: bigint, origin: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, seq);
  view.setBigUint64(8, origin);
  return bytes;
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => key[i] === byte);
}
