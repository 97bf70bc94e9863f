import type { Save } from "@paxos/core";
import { encodePersistentState, encodeStoredRun, type Snapshot } from "@paxos/proto";
import { u64, viewOf } from "./bytes.js";
import {
  FIRST_SEQ_KEY,
  INCOMING_KEY,
  runKey,
  saveKey,
  snapshotKey,
  STATE_KEY,
  withoutRunPrefix,
} from "./layout.js";
import type { Batch } from "./records.js";
import { encodeSaveRecord, type SealedSnapshotId } from "./save-record.js";
import { CHECKSUM_BYTES, seal, sealOf, sealWithin } from "./seal.js";
import { encodeSnapshot } from "./snapshot-records.js";
import { runIdOf } from "./stored-run.js";
import type { ChainEnd } from "./walk-saves.js";

/** What the next save follows on. */
export interface Tip extends ChainEnd {
  readonly firstSeq: number;
  /** The latest snapshot. */
  readonly snapshot: SealedSnapshotId | undefined;
}

/** What the first save follows on. */
export const newTip: Tip = { number: 0, chain: 0, firstSeq: 1, snapshot: undefined };

/** Puts all that a save writes into a batch. Gives what the save after it follows on. */
export function putSave(
  { put, putAsIs, del }: Batch,
  { number, state, runs, install }: Save,
  before: Tip,
): Tip {
  const listed = runs.map((run) => {
    const key = runKey(runIdOf(run));
    // In one piece of memory: it lies outside of the heap, and its collection costs more than all else here when saves are large.
    const sealed = sealWithin(key, encodeStoredRun(run, CHECKSUM_BYTES));
    putAsIs(key, sealed);
    return { id: withoutRunPrefix(key), seal: sealOf(sealed) };
  });
  const stateSeal = sealOf(put(STATE_KEY, encodePersistentState(state)));
  let { firstSeq, snapshot } = before;
  if (install !== undefined) {
    firstSeq = Number(install.seq) + 1;
    snapshot = sealSnapshot(install);
    put(snapshotKey(install), encodeSnapshot(install));
    put(FIRST_SEQ_KEY, u64(firstSeq));
    del(INCOMING_KEY);
  }
  const content = { stateSeal, firstSeq, snapshot, installed: install !== undefined, runs: listed };
  const record = encodeSaveRecord(number, before.chain, content);
  put(saveKey(number), record);
  return { number, chain: viewOf(record).getUint32(0), firstSeq, snapshot };
}

/** A snapshot as saves name it. */
export function sealSnapshot(snapshot: Snapshot): SealedSnapshotId {
  const sealed = seal(snapshotKey(snapshot), encodeSnapshot(snapshot));
  return { seq: snapshot.seq, origin: snapshot.origin, seal: sealOf(sealed) };
}
