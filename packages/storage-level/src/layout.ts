// Where everything is, format 1. Keys are bytes in unsigned order; integers in keys are big-endian, so that
// their order is that of the numbers.
//
//   key                                        value
//   meta/first-seq                             sealed: u64, the first seq still held; absent means 1
//   meta/format                                the format in ASCII digits; not sealed, so that every version can read it
//   meta/store-id                              sealed: u64, random, not 0
//   run/ seq:u64 epoch:u64 view:u64            sealed: a StoredRun
//        ordered:u8 count:u16
//   state                                      sealed: the PersistentState of the last save
//
// The key of a run names its ballot, whether it is ordered, and how many updates it has. So runs of several
// ballots, and shorter and longer ones of one ballot, stand beside each other: nothing replaces a run but its
// equal. And a reader knows from the key alone which seqs a run covers.

/** The format that this version writes, and the only one that it reads. */
export const FORMAT = 1;

/**
 * The most updates that a run may have; a constant of the format. A reader that starts this many seqs, less
 * one, below the one that it wants meets every run that covers it.
 */
export const MAX_RUN_UPDATES = 4096;

export const FORMAT_KEY = ascii("meta/format");
export const STORE_ID_KEY = ascii("meta/store-id");
export const FIRST_SEQ_KEY = ascii("meta/first-seq");
export const STATE_KEY = ascii("state");

const RUN_PREFIX = ascii("run/");
const RUN_KEY_BYTES = RUN_PREFIX.length + 8 + 8 + 8 + 1 + 2;

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
  const key = new Uint8Array(RUN_KEY_BYTES);
  const view = new DataView(key.buffer);
  key.set(RUN_PREFIX);
  view.setBigUint64(4, BigInt(run.seq));
  view.setBigUint64(12, run.epoch);
  view.setBigUint64(20, run.view);
  view.setUint8(28, run.ordered ? 1 : 0);
  view.setUint16(29, run.count);
  return key;
}

/** What a key says about its run; undefined when it is not the key of a run. */
export function parseRunKey(key: Uint8Array): RunId | undefined {
  if (key.length !== RUN_KEY_BYTES || RUN_PREFIX.some((byte, i) => key[i] !== byte)) return undefined;
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

/** Above the keys of all runs. */
export const RUNS_END: Uint8Array = ascii("run0");

/** A key for people: text as text, the rest in hexadecimal. */
export function describeKey(key: Uint8Array): string {
  const run = parseRunKey(key);
  if (run !== undefined) {
    const kind = run.ordered ? "ordered" : "accepted";
    return `run/ seq ${run.seq} epoch ${run.epoch} view ${run.view} ${kind} count ${run.count}`;
  }
  const text = new TextDecoder("latin1").decode(key);
  return /^[ -~]+$/.test(text) ? text : `0x${Buffer.from(key).toString("hex")}`;
}
