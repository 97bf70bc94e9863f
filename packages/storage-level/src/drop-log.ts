import { CHAIN_KEY, lowestRunKey, parseSaveKey, RUNS_START, saveKey } from "./layout.js";
import { endOf } from "./merge-runs.js";
import { BATCH_RECORDS, type Records } from "./records.js";
import { parseRun } from "./run-records.js";
import { SaveRecord } from "./save-record.js";
import { encodeChainBase, readChainBase, type ChainEnd } from "./walk-saves.js";

/** What to drop. */
export interface LogDrop {
  /** Runs that end below it are dropped, and the records of the saves that wrote nothing else. */
  readonly firstSeq: number;
  /** The number of the last save, whose record stays. */
  readonly lastSave: number;
  /** Asked from time to time. */
  readonly goesOn: () => boolean;
}

/** Drops what lies below the first seq, from below, in bounded batches, with saves and reads in between. */
export async function dropLog(records: Records, { firstSeq, lastSave, goesOn }: LogDrop): Promise<void> {
  await records.delete(
    { gte: RUNS_START, lt: lowestRunKey(firstSeq) },
    goesOn,
    (key) => endOf(parseRun(records, key)) <= firstSeq,
  );
  if (goesOn()) await dropSaves(records, { firstSeq, lastSave, goesOn });
}

// Without gaps, from below: the chain begins anew behind the last one dropped.
async function dropSaves(records: Records, { firstSeq, lastSave, goesOn }: LogDrop): Promise<void> {
  let base = await readChainBase(records);
  let dropped: Uint8Array[] = [];
  const flush = async (): Promise<void> => {
    if (dropped.length === 0) return;
    const [keys, end] = [dropped, base];
    dropped = [];
    await records.write(({ put, del }) => {
      keys.forEach(del);
      put(CHAIN_KEY, encodeChainBase(end));
    });
  };
  for await (const entries of records.entries({ gte: saveKey(base.number + 1), lt: saveKey(lastSave) })) {
    for (const [key, sealed] of entries) {
      const next = droppable(records, key, sealed, firstSeq);
      if (next === undefined || !goesOn()) return await flush();
      if (next.number !== base.number + 1) throw records.damaged(key);
      base = next;
      if (dropped.push(key) >= BATCH_RECORDS) await flush();
    }
  }
  await flush();
}

function droppable(
  records: Records,
  key: Uint8Array,
  sealed: Uint8Array,
  firstSeq: number,
): ChainEnd | undefined {
  const number = parseSaveKey(key);
  const record = SaveRecord.parse(records.unseal(key, sealed));
  if (number === undefined || record === undefined) throw records.damaged(key);
  return record.end <= firstSeq ? { number, chain: record.chain } : undefined;
}
